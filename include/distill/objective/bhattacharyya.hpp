#pragma once

#include <array>
#include <cmath>

#include "../row/algebra.hpp"
#include "../row/objective.hpp"
#include "squared_hellinger.hpp"

DISTILL_NAMESPACE_BEGIN

/// Bhattacharyya distance.
///   value     -T² log Σ √(p_s p_t) = -T² log(1 - H²),  H² the squared Hellinger distance
///   gradients those of H² divided by 1 - H²
/// Rows without a class in common: value +inf, gradient 0, as no direction is better than another.
/// Source: Bhattacharyya 1943, Bull. Calcutta Math. Soc. 35, 99–109.
struct bhattacharyya {
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "bhattacharyya",
                                       .formula = "−T² log Σ √(p_s p_t)",
                                       .source = "Bhattacharyya 1943, Bull. Calcutta Math. Soc. 35",
                                       .gradient = "that of H² over 1 − H²",
                                       .systems = "f-divergence surveys",
                                       .symmetric = true};

  static constexpr int sums = 2;

  /// H² and Σ √(p_s p_t): the one has the digits of near rows, the other those of distant ones.
  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V, 2> operator()(const element<V>& x) const {
    const terms<V> squared = squared_hellinger{}(x);
    const V root = lane<V>::sqrt(x.p_s) * lane<V>::sqrt(x.p_t), half_root = V(lane_scalar<V>(0.5)) * root;
    terms<V, 2> result;
    result.term = {squared.term[0], root};
    result.to_student = {squared.to_student[0], half_root};
    result.to_teacher = {squared.to_teacher[0], half_root};
    return result;
  }
  template <class Number>
  folded<2, Number> fold(const std::array<Number, 2>& sum) const {
    using std::log, std::log1p;
    if (sum[0] < 0.5) return {-log1p(-sum[0]), {1 / (1 - sum[0]), 0}};
    return {-log(sum[1]), {0, sum[1] == 0 ? Number(0) : -1 / sum[1]}};
  }
};

DISTILL_NAMESPACE_END
