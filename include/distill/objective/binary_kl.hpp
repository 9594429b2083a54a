#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"
#include "detail/bernoulli.hpp"

DISTILL_NAMESPACE_BEGIN

/// KL of the sigmoids, class by class: distillation of a multi-label network.
///   value     T² Σ KL(Bern(σ(u_t))‖Bern(σ(u_s))),  u = z/T
///   student   T (σ(u_s) - σ(u_t))
///   teacher   T σ(u_t) (1 - σ(u_t)) (u_t - u_s)
/// A class masked (σ = 0) by the student only: value +inf; by the teacher only: log(1 + e^{u_s}).
/// Source: Yang et al. 2023 (MLD), arXiv 2308.06453
struct binary_kl {
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "binary_kl",
                                       .formula = "T² Σ KL(Bern(σ(z_t/T))‖Bern(σ(z_s/T)))",
                                       .source = "Yang et al. 2023, arXiv 2308.06453",
                                       .gradient = "T (σ(u_s) − σ(u_t))",
                                       .systems = "MLD, RFKD, DHKD plain form",
                                       .shift_invariant = false};

  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V> operator()(const logit_pair<V>& x) const {
    return detail::bernoulli_kl(x);
  }
};

DISTILL_NAMESPACE_END
