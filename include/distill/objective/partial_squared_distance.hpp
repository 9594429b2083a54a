#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// Squared distance of two rows, but for entries where both are negative and the student's is the lower one: there the
/// ReLU that follows makes 0 of both.
///   value     Σ (z_s − z_t)² [z_s > z_t or z_t > 0]: with the T² the temperature cancels
///   student   2 (z_s − z_t) on the same entries
///   teacher   the negative of that
/// Jumps where z_t passes 0 above z_s. An entry masked on one side only: value +inf, or 0 where the student masks it
/// and z_t ≤ 0. Source: Heo et al. 2019 (overhaul), arXiv 1904.01866 (partial L2).
struct partial_squared_distance {
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "partial_squared_distance",
                                       .formula = "T² Σ (u_s − u_t)² [u_s > u_t or u_t > 0], u = z/T",
                                       .source = "Heo et al. 2019, arXiv 1904.01866",
                                       .gradient = "2 T (u_s − u_t) on the same entries",
                                       .systems = "OFD",
                                       .shift_invariant = false,
                                       .smooth = false};

  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V> operator()(const logit_pair<V>& x) const {
    const V zero(lane_scalar<V>(0));
    // What is left out is asked for, so that a NaN on either side stays.
    const V counted =
        lane<V>::select(x.difference < zero, lane<V>::select(zero < x.teacher, x.difference, zero), x.difference);
    const V twice = counted + counted;
    return {counted * counted, twice, zero - twice};
  }
};

DISTILL_NAMESPACE_END
