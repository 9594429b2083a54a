#pragma once

#include "../core/dual.hpp"
#include "../row/algebra.hpp"
#include "../row/objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// Mean absolute error of two rows, over the entries that either side keeps.
///   value     T² mean_i |u_s,i − u_t,i|,  u = z/T
///   student   T sign(u_s − u_t)/C, 0 where they are equal
///   teacher   the negative of that
/// An entry masked on one side only: value +inf.
/// Source: the L1 loss of factor transfer, spatial affinity and box relations.
struct absolute_error {
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr int sums = 2;
  static constexpr objective_info info{.name = "absolute_error",
                                       .formula = "T² mean_i |z_s − z_t|/T",
                                       .source = "L1 loss",
                                       .gradient = "T sign(z_s − z_t)/C",
                                       .systems = "FT, spatial affinity, UniDistill",
                                       .symmetric = true,
                                       .shift_invariant = false,
                                       .smooth = false};

  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V, 2> operator()(const logit_pair<V>& x) const {
    const V zero(lane_scalar<V>(0)), sign = sign_of(x.difference);
    terms<V, 2> result;
    result.term = {lane<V>::abs(x.difference), x.present};
    result.to_student = {sign, zero};
    result.to_teacher = {zero - sign, zero};
    return result;
  }
  template <class Number>
  folded<2, Number> fold(const std::array<Number, 2>& sum) const {
    return sum[1] == 0 ? folded<2, Number>{} : folded<2, Number>{sum[0] / sum[1], {1 / sum[1], 0}};
  }
};

DISTILL_NAMESPACE_END
