#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// Dice loss of a segmentation: how little the student's foreground and a mask overlap. One image and class a row.
///   value     T² (1 − (2 Σ p y + 1)/(Σ p + Σ y + 1)) = T² Σ (p (1 − y) + (1 − p) y)/(Σ p + Σ y + 1),  p = σ(z_s/T)
///   student   T ((1 − 2 y) S − D) p (1 − p)/S²,  D the sum above, S the divisor
///   teacher   T² ((1 − 2 p) S − D)/S²
/// The teacher's row is the mask itself: y in [0, 1], not logits, and not divided by the temperature; what lies outside
/// counts as the nearest end and gets no gradient. The second form of the value keeps its digits where p is near y. An
/// empty mask has value 1 − 1/(Σ p + 1). A pixel that both mask (−inf) counts as absent.
/// Source: Milletari et al. 2016 (V-Net), arXiv 1606.04797, §3, as smoothed in RFKD, arXiv 2404.06258.
struct soft_dice {
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr int sums = 2;
  static constexpr objective_info info{.name = "soft_dice",
                                       .formula = "T² (1 − (2 Σ p y + 1)/(Σ p + Σ y + 1)), p = σ(z_s/T), y the mask",
                                       .source = "Milletari et al. 2016, arXiv 1606.04797, §3",
                                       .gradient = "T ((1 − 2 y) S − D) p (1 − p)/S²",
                                       .systems = "RFKD",
                                       .zero_at_equality = false,
                                       .shift_invariant = false,
                                       .smooth = false};

  site_pair sites() const {
    return {site{row_mix::of(input::student), temperature}, site{row_mix::of(input::teacher), 1}};
  }
  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V, 2> operator()(const logit_pair<V>& x) const {
    const V zero(lane_scalar<V>(0)), one(lane_scalar<V>(1));
    const V decay = exp_nonpositive(zero - lane<V>::abs(x.student));
    const V larger = one / (one + decay), smaller = decay * larger;
    const auto below = x.student < zero;
    const V p = lane<V>::select(below, smaller, larger), q = lane<V>::select(below, larger, smaller);
    const auto low = x.teacher < zero, high = one < x.teacher;
    const V y = lane<V>::select(low, zero, lane<V>::select(high, one, x.teacher)), rest = one - y;
    const V slope = x.present * smaller * larger;
    const V to_mask = lane<V>::select(low, zero, lane<V>::select(high, zero, x.present));
    terms<V, 2> result;
    result.term = {x.present * (p * rest + q * y), x.present * (p + y)};
    result.to_student = {slope * (rest - y), slope};
    result.to_teacher = {to_mask * (q - p), to_mask};
    return result;
  }
  template <class Number>
  folded<2, Number> fold(const std::array<Number, 2>& sum) const {
    const Number size = sum[1] + 1;
    return {sum[0] / size, {1 / size, -sum[0] / size / size}};
  }
};

DISTILL_NAMESPACE_END
