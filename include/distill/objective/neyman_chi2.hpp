#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// Neyman's χ² divergence.
///   value     T² Σ (p_s - p_t)²/p_t
///   student   slope 2 r p_s
///   teacher   slope -r (p_s + p_t)      with r = p_s/p_t - 1, gradient_i = T (slope_i - p_i Σ_j slope_j)
/// Student mass on a class that the teacher masks, or whose probability underflows: value +inf, the gradient its limit.
/// Source: Neyman 1949, Proc. Berkeley Symp. 1, 239–273.
struct neyman_chi2 {
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "neyman_chi2",
                                       .formula = "T² Σ (p_s − p_t)²/p_t",
                                       .source = "Neyman 1949, Proc. Berkeley Symp. 1",
                                       .gradient = "2 T (p_s (p_s/p_t − 1) projected)",
                                       .systems = "f-divergence surveys"};

  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V> operator()(const element<V>& x) const {
    const V zero(lane_scalar<V>(0)), difference = x.pt_expm1();
    const V ratio = mass_over(difference, x.p_t);
    const V to_divisor = zero - ratio * (x.p_s + x.p_t), to_other = mass_times(x.p_s, ratio + ratio);
    return {mass_times(difference, ratio), to_other, to_divisor};
  }
};

DISTILL_NAMESPACE_END
