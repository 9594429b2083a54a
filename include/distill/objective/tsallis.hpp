#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"
#include "detail/alpha_beta.hpp"

DISTILL_NAMESPACE_BEGIN

/// Tsallis' relative entropy of the teacher from the student, α times Amari's divergence.
///   value     T² (Σ p_t^α p_s^{1-α} - 1)/(α-1)
///   gradients α times those of amari_alpha
/// α > 0; α = 1 is kl.
/// Source: Tsallis 1998, doi 10.1103/PhysRevE.58.1442
struct tsallis {
  double alpha = 0.5;
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "tsallis",
                                       .formula = "T² (Σ p_t^α p_s^(1−α) − 1)/(α−1)",
                                       .source = "Tsallis 1998, doi 10.1103/PhysRevE.58.1442",
                                       .gradient = "α times that of amari_alpha",
                                       .systems = "Tsallis distillation",
                                       .symmetric = true};

  void validate(index) const {
    if (!(alpha > 0) || std::isinf(alpha)) fail("tsallis: alpha is ", alpha, ", must be positive and finite");
  }

  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V> operator()(const element<V>& x) const {
    const V size(static_cast<lane_scalar<V>>(alpha));
    const terms<V> amari = detail::amari_terms(x, alpha);
    return {size * amari.term[0], size * amari.to_student[0], size * amari.to_teacher[0]};
  }
};

DISTILL_NAMESPACE_END
