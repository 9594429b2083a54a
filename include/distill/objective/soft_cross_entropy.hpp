#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// Cross-entropy with the teacher's probabilities as soft labels: kl plus the teacher's entropy.
///   value     -T² Σ p_t log p_s
///   student   T (p_s - p_t), from the slope p_s - p_t, which keeps its digits where the rows are near
///   teacher   T p_t,i (Σ_j p_t,j log p_s,j - log p_s,i)
/// Targets that are given as probabilities go in as `.teacher = probabilities(q)`. Teacher mass on a class that the
/// student masks: value +inf, student gradient -T p_t there.
/// Source: Hinton, Vinyals, Dean 2015, arXiv 1503.02531
struct soft_cross_entropy {
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr bool reads_log_probabilities = true;
  static constexpr objective_info info{.name = "soft_cross_entropy",
                                       .formula = "−T² Σ p_t log p_s",
                                       .source = "Hinton et al. 2015, arXiv 1503.02531",
                                       .gradient = "T (p_s − p_t)",
                                       .systems = "LELP, ALBEF, COMODO, DINO targets, SinKD hard mix",
                                       .zero_at_equality = false};

  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V> operator()(const element<V>& x) const {
    // The slope is -p_t up to p_s, which the projection removes: their difference keeps its digits where rows are near.
    const V excess = x.pt_expm1(), cost = V(lane_scalar<V>(0)) - mass_times(x.p_t, x.log_s);
    return {cost, excess, cost};
  }
};

DISTILL_NAMESPACE_END
