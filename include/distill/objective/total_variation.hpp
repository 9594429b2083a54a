#pragma once

#include "../core/dual.hpp"
#include "../row/algebra.hpp"
#include "../row/objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// Total variation distance.
///   value     T² ½ Σ |p_s - p_t|
///   student   slope ½ p_s sign(p_s - p_t)
///   teacher   slope -½ p_t sign(p_s - p_t)      gradient_i = T (slope_i - p_i Σ_j slope_j), sign(0) = 0
/// Not differentiable where p_s,i = p_t,i; there the gradient is the one of the middle. Finite for every mask.
/// Source: Wen et al. 2023 (f-distill), arXiv 2307.15190
struct total_variation {
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "total_variation",
                                       .formula = "T² ½ Σ |p_s − p_t|",
                                       .source = "Wen et al. 2023 (f-distill), arXiv 2307.15190",
                                       .gradient = "½ T (p_s sign(p_s − p_t) projected)",
                                       .systems = "f-distill, DistiLLM baseline",
                                       .symmetric = true,
                                       .smooth = false};

  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V> operator()(const element<V>& x) const {
    using T = lane_scalar<V>;
    const V zero(T(0)), one_half(T(0.5));
    const V half_sign = one_half * sign_of(x.d);
    return {one_half * lane<V>::abs(x.pt_expm1()), half_sign * x.p_s, zero - half_sign * x.p_t};
  }
};

DISTILL_NAMESPACE_END
