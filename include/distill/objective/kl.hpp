#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// Kullback–Leibler divergence of the student from the teacher, the distillation loss.
///   value     T² Σ p_t (log p_t - log p_s) = T² Σ p_t φ(d),  φ(x) = e^x - 1 - x, d = log p_s - log p_t
///   student   T (p_s - p_t)
///   teacher   T p_t,i (Σ_j p_t,j d_j - d_i)
/// Teacher mass on a class that the student masks: value +inf, student gradient -T p_t there.
/// Source: Hinton, Vinyals, Dean 2015, arXiv 1503.02531, §2.
struct kl {
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "kl",
                                       .formula = "T² Σ p_t (log p_t − log p_s)",
                                       .source = "Hinton et al. 2015, arXiv 1503.02531, §2",
                                       .gradient = "T (p_s − p_t)",
                                       .systems = "Hinton KD, CTKD, Swing, MLKD, DHO, CTCD, BPKD, CWD, STKDRec"};

  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V> operator()(const element<V>& x) const {
    return {x.pt_phi(), x.pt_expm1(), V(lane_scalar<V>(0)) - mass_times(x.p_t, x.d)};
  }
};

DISTILL_NAMESPACE_END
