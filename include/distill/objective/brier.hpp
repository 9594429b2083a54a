#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// Squared distance of the two distributions.
///   value     Σ (p_s − p_t)²
///   student   slopes 2 p_s (p_s − p_t), projected
///   teacher   slopes −2 p_t (p_s − p_t), projected
/// Where the rows are near, the rounding ε of the normalisers' difference adds ε p_s to every p_s − p_t. As those must
/// add up to 0, their sum is ε, and Σ (g − ε p_s)² = Σ g² − 2 ε Σ g p_s + ε² Σ p_s² is what is evaluated.
/// Source: Brier 1950, "Verification of forecasts expressed in terms of probability"; TRG compares attention rows so.
struct brier {
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr int sums = 4;
  static constexpr objective_info info{.name = "brier",
                                       .formula = "T² Σ (p_s − p_t)²",
                                       .source = "Brier 1950",
                                       .gradient = "2 p_s (p_s − p_t), projected",
                                       .systems = "TRG",
                                       .symmetric = true};

  /// Σ g², Σ g, Σ g p_s, Σ p_s²
  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V, 4> operator()(const element<V>& x) const {
    const V zero(lane_scalar<V>(0)), gap = x.pt_expm1(), twice = gap + gap, square = x.p_s * x.p_s;
    terms<V, 4> result;
    result.term = {gap * gap, gap, gap * x.p_s, square};
    result.to_student = {twice * x.p_s, x.p_s, square + gap * x.p_s, square + square};
    result.to_teacher = {zero - twice * x.p_t, zero - x.p_t, zero - x.p_t * x.p_s, zero};
    return result;
  }
  template <class Number>
  folded<4, Number> fold(const std::array<Number, 4>& sum) const {
    const Number e = sum[1];
    return {sum[0] - 2 * e * sum[2] + e * e * sum[3], {1, 2 * (e * sum[3] - sum[2]), -2 * e, e * e}};
  }
};

DISTILL_NAMESPACE_END
