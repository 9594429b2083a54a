#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// Squared Euclidean distance of two rows.
///   value     Σ (z_s − z_t)²: with the T² the temperature cancels
///   student   2 (z_s − z_t)
///   teacher   the negative of that
/// An entry masked on one side only: value +inf.
/// Source: the squared error of feature distillation, not divided by the number of entries.
struct squared_distance {
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "squared_distance",
                                       .formula = "T² Σ ((z_s − z_t)/T)²",
                                       .source = "squared error",
                                       .gradient = "2 T (u_s − u_t), u = z/T",
                                       .systems = "ICKD, LEAF, MGD, linear MMD",
                                       .symmetric = true,
                                       .shift_invariant = false};

  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V> operator()(const logit_pair<V>& x) const {
    const V twice = x.difference + x.difference;
    return {x.difference * x.difference, twice, V(lane_scalar<V>(0)) - twice};
  }
};

DISTILL_NAMESPACE_END
