#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// Jeffreys' symmetric divergence: forward plus reverse KL.
///   value     T² Σ (p_s - p_t) d,  d = log p_s - log p_t; no term is negative
///   student   slope p_s - p_t + p_s d
///   teacher   slope p_t - p_s - p_t d      gradient_i = T (slope_i - p_i Σ_j slope_j)
/// Mass on a class that the other side masks: value +inf, gradients as in kl and reverse_kl.
/// Source: Jeffreys 1946, doi 10.1098/rspa.1946.0056
struct jeffreys {
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "jeffreys",
                                       .formula = "T² Σ (p_s − p_t)(log p_s − log p_t)",
                                       .source = "Jeffreys 1946, doi 10.1098/rspa.1946.0056",
                                       .gradient = "T (p_s − p_t + p_s (d − Σ p_s d))",
                                       .systems = "symmetric KD, WSD",
                                       .symmetric = true};

  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V> operator()(const element<V>& x) const {
    const V difference = x.pt_expm1();
    return {mass_times(difference, x.d), difference + mass_times(x.p_s, x.d), x.ps_expm1() - mass_times(x.p_t, x.d)};
  }
};

DISTILL_NAMESPACE_END
