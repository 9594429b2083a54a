#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// Mean squared error of the logits, over the classes that either side keeps.
///   value     T² mean_i (u_s,i - u_t,i)²,  u = z/T: with the T² the temperature cancels
///   student   2 T (u_s - u_t)/C
///   teacher   the negative of that
/// A class masked on one side only: value +inf.
/// Source: Ba and Caruana 2014, arXiv 1312.6184; Kim et al. 2021, arXiv 2105.08919
struct logit_mse {
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr int sums = 2;
  static constexpr objective_info info{.name = "logit_mse",
                                       .formula = "T² mean_i ((z_s − z_t)/T)²",
                                       .source = "Ba and Caruana 2014, arXiv 1312.6184",
                                       .gradient = "2 T (u_s − u_t)/C, u = z/T",
                                       .systems = "MSE on logits, MixKD",
                                       .symmetric = true,
                                       .shift_invariant = false};

  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V, 2> operator()(const logit_pair<V>& x) const {
    const V zero(lane_scalar<V>(0)), twice = x.difference + x.difference;
    terms<V, 2> result;
    result.term = {x.difference * x.difference, x.present};
    result.to_student = {twice, zero};
    result.to_teacher = {zero - twice, zero};
    return result;
  }
  template <class Number>
  folded<2, Number> fold(const std::array<Number, 2>& sum) const {
    return sum[1] == 0 ? folded<2, Number>{} : folded<2, Number>{sum[0] / sum[1], {1 / sum[1], 0}};
  }
};

DISTILL_NAMESPACE_END
