#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// Squared Hellinger distance.
///   value     T² ½ Σ (√p_s - √p_t)²
///   student   slope ½ √p_s (√p_s - √p_t)
///   teacher   slope -½ √p_t (√p_s - √p_t)      gradient_i = T (slope_i - p_i Σ_j slope_j)
/// Near p_s = p_t the difference of the roots is √p_t (e^{d/2} - 1). Finite for every mask.
/// Source: Hellinger 1909, doi 10.1515/crll.1909.136.210; as an f-divergence (f(r) = ½ (√r - 1)²).
struct squared_hellinger {
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "squared_hellinger",
                                       .formula = "T² ½ Σ (√p_s − √p_t)²",
                                       .source = "Hellinger 1909, doi 10.1515/crll.1909.136.210",
                                       .gradient = "½ T (p_s − √(p_s p_t) projected)",
                                       .systems = "f-divergence surveys",
                                       .symmetric = true};

  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V> operator()(const element<V>& x) const {
    using T = lane_scalar<V>;
    const V one_half(T(0.5)), h = one_half * x.d;
    const V root_s = lane<V>::sqrt(x.p_s), root_t = lane<V>::sqrt(x.p_t);
    const V difference = lane<V>::select(lane<V>::abs(h) < one_half, root_t * (h + phi_small(h)), root_s - root_t);
    const V half_difference = one_half * difference;
    return {half_difference * difference, half_difference * root_s, V(T(0)) - half_difference * root_t};
  }
};

DISTILL_NAMESPACE_END
