#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"
#include "detail/labels.hpp"
#include "detail/ranked_pairs.hpp"

DISTILL_NAMESPACE_BEGIN

/// Pairwise hinge over raw scores: what the teacher (or the label) puts first, the student should, by a margin.
///   value     mean over pairs (i before j) of max(0, m - (u_s,i - u_s,j)),  u = z/T
///   student   for every pair that is short of its margin -1/(n T) at i and 1/(n T) at j, n the number of pairs
///   teacher   0: the order is constant
/// Pairs: every two classes that the teacher tells apart, or the label before every other class. A class masked (-inf)
/// on either side is not there; +inf makes the row NaN. Without a pair: value 0, gradient 0. Costs C²/2 terms.
/// Rows with label `ignore_index` do not take part where labels are used; other labels outside [0, columns) are then an
/// argument_error.
/// Source: Herbrich et al. 2000; Joachims 2002 (ranking SVM)
struct hinge_rank {
  double margin = 1;
  rank_pairs pairs = rank_pairs::teacher_order;
  index ignore_index = -100;
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::none;

  static constexpr objective_info info{.name = "hinge_rank",
                                       .formula = "mean_{i before j} max(0, m − (u_s,i − u_s,j)), u = z/T",
                                       .source = "Herbrich et al. 2000; Joachims 2002",
                                       .gradient = "−1/(n T) at i, 1/(n T) at j where short of the margin",
                                       .systems = "ranking SVM, margin ranking",
                                       .uses_labels = true,
                                       .zero_at_equality = false,
                                       .smooth = false};

  void validate(index) const {
    if (!(margin >= 0 && margin < 1e30)) fail("hinge_rank: margin is ", margin, ", must be finite and not negative");
  }
  bool needs_labels() const { return pairs == rank_pairs::label_first; }
  bool counts(index label) const { return !needs_labels() || label != ignore_index; }
  void validate_label(index row, index label, index columns) const {
    if (needs_labels()) detail::require_label(row, label, columns, ignore_index);
  }

  template <class T>
  wide<T> evaluate(const score_row<T>& row) const {
    using V = simd<T>;
    const V zero(T(0)), minus_one(T(-1)), width(static_cast<T>(margin));
    return detail::mean_over_pairs(row, pairs, [=](const V& difference) DISTILL_LAMBDA_INLINE {
      const V short_of = width - difference;
      return detail::pair_term<V>{lane<V>::max(short_of, zero), lane<V>::select(zero < short_of, minus_one, zero)};
    });
  }
};

DISTILL_NAMESPACE_END
