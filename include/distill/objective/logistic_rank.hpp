#pragma once

#include "../core/math.hpp"
#include "../row/algebra.hpp"
#include "../row/objective.hpp"
#include "detail/labels.hpp"
#include "detail/ranked_pairs.hpp"

DISTILL_NAMESPACE_BEGIN

/// Pairwise logistic loss over raw scores: the probability that the student puts two classes as the teacher (or the
/// label) does.
///   value     mean over pairs (i before j) of log(1 + e^{-(u_s,i - u_s,j)}),  u = z/T
///   student   for every pair -σ(u_s,j - u_s,i)/(n T) at i and the negative at j, n the number of pairs
///   teacher   0: the order is constant
/// Pairs: every two classes that the teacher tells apart, or the label before every other class. A class masked (-inf)
/// on either side is not there; +inf makes the row NaN. Without a pair: value 0, gradient 0. Costs C²/2 terms.
/// Rows with label `ignore_index` do not take part where labels are used; other labels outside [0, columns) are then an
/// argument_error.
/// Source: Burges et al. 2005 (RankNet)
struct logistic_rank {
  rank_pairs pairs = rank_pairs::teacher_order;
  index ignore_index = -100;
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::none;

  static constexpr objective_info info{.name = "logistic_rank",
                                       .formula = "mean_{i before j} log(1 + e^{−(u_s,i − u_s,j)}), u = z/T",
                                       .source = "Burges et al. 2005",
                                       .gradient = "−σ(u_s,j − u_s,i)/(n T) at i, the negative at j",
                                       .systems = "RankNet, RankDistil",
                                       .uses_labels = true,
                                       .zero_at_equality = false,
                                       .smooth = false};

  bool needs_labels() const { return pairs == rank_pairs::label_first; }
  bool counts(index label) const { return !needs_labels() || label != ignore_index; }
  void validate_label(index row, index label, index columns) const {
    if (needs_labels()) detail::require_label(row, label, columns, ignore_index);
  }

  template <class T>
  wide<T> evaluate(const score_row<T>& row) const {
    using V = simd<T>;
    const V zero(T(0)), one(T(1));
    return detail::mean_over_pairs(row, pairs, [=](const V& difference) DISTILL_LAMBDA_INLINE {
      const V r = exp_nonpositive(zero - lane<V>::abs(difference)), once = one + r, twice = once + one;
      const V both = one / (once * twice);                                       // one division for two
      const V soft = log_ratio(r * once * both);                                 // log(1 + r) of s = r/(2 + r)
      const V lost = lane<V>::select(difference < zero, one, r) * twice * both;  // σ(-difference)
      return detail::pair_term<V>{lane<V>::max(zero, zero - difference) + soft, zero - lost};
    });
  }
};

DISTILL_NAMESPACE_END
