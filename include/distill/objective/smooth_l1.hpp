#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// Mean smooth L1 (Huber's function over its width) of two rows, over the entries that either side keeps.
///   value     T² mean_i h(u_s,i − u_t,i),  u = z/T,  h(δ) = δ²/(2β) where |δ| < β, |δ| − β/2 elsewhere
///   student   T clip((u_s − u_t)/β, −1, 1)/C
///   teacher   the negative of that
/// An entry masked on one side only: value +inf.
/// Source: Girshick 2015, arXiv 1504.08083, eq. 3; β as in PyTorch's SmoothL1Loss.
struct smooth_l1 {
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;
  double beta = 1;  ///< where the parabola ends; > 0

  static constexpr int sums = 2;
  static constexpr objective_info info{.name = "smooth_l1",
                                       .formula = "T² mean_i h((z_s − z_t)/T), h Huber's function over β",
                                       .source = "Girshick 2015, arXiv 1504.08083, eq. 3",
                                       .gradient = "T clip((u_s − u_t)/β, −1, 1)/C, u = z/T",
                                       .systems = "RKD, PVD",
                                       .symmetric = true,
                                       .shift_invariant = false};

  void validate(index) const {
    if (!(beta > 0)) fail("smooth_l1: beta is ", beta, ", must be positive");
  }
  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V, 2> operator()(const logit_pair<V>& x) const {
    using scalar = lane_scalar<V>;
    const V zero(scalar(0)), one(scalar(1)), width(static_cast<scalar>(beta)), one_half(scalar(0.5));
    const V size = lane<V>::abs(x.difference), ratio = size / width;
    const auto inside = size < width;
    const V steep = lane<V>::select(width < size, one, ratio);  // NaN stays
    const V slope = lane<V>::select(x.difference < zero, zero - steep, steep);
    terms<V, 2> result;
    result.term = {lane<V>::select(inside, one_half * ratio * size, size - one_half * width), x.present};
    result.to_student = {slope, zero};
    result.to_teacher = {zero - slope, zero};
    return result;
  }
  template <class Number>
  folded<2, Number> fold(const std::array<Number, 2>& sum) const {
    return sum[1] == 0 ? folded<2, Number>{} : folded<2, Number>{sum[0] / sum[1], {1 / sum[1], 0}};
  }
};

DISTILL_NAMESPACE_END
