#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// Squared distance of the two distributions.
///   value     Σ (p_s − p_t)²
///   student   slopes 2 p_s (p_s − p_t), projected
///   teacher   slopes −2 p_t (p_s − p_t), projected
/// Differences keep their digits where the rows are near.
/// Source: Brier 1950; TRG's contextual similarity compares attention rows so.
struct brier {
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "brier",
                                       .formula = "T² Σ (p_s − p_t)²",
                                       .source = "Brier 1950",
                                       .gradient = "2 p_s (p_s − p_t), projected",
                                       .systems = "TRG",
                                       .symmetric = true};

  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V> operator()(const element<V>& x) const {
    const V gap = x.pt_expm1(), twice = gap + gap;
    return {gap * gap, twice * x.p_s, V(lane_scalar<V>(0)) - twice * x.p_t};
  }
};

DISTILL_NAMESPACE_END
