#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// Pearson's χ² divergence.
///   value     T² Σ (p_s - p_t)²/p_s
///   student   slope -r (p_s + p_t)
///   teacher   slope 2 r p_t      with r = p_t/p_s - 1, gradient_i = T (slope_i - p_i Σ_j slope_j)
/// Teacher mass on a class that the student masks, or whose probability underflows: value +inf, the gradient its limit.
/// Source: Pearson 1900, doi 10.1080/14786440009463897.
struct pearson_chi2 {
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "pearson_chi2",
                                       .formula = "T² Σ (p_t − p_s)²/p_s",
                                       .source = "Pearson 1900, doi 10.1080/14786440009463897",
                                       .gradient = "T (p_s − p_t²/p_s projected)",
                                       .systems = "f-divergence surveys"};

  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V> operator()(const element<V>& x) const {
    const V zero(lane_scalar<V>(0)), difference = x.ps_expm1();
    const V ratio = mass_over(difference, x.p_s);
    const V to_divisor = zero - ratio * (x.p_s + x.p_t), to_other = mass_times(x.p_t, ratio + ratio);
    return {mass_times(difference, ratio), to_divisor, to_other};
  }
};

DISTILL_NAMESPACE_END
