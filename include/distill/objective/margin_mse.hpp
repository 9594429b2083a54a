#pragma once

#include <cmath>
#include <limits>

#include "../core/sums.hpp"
#include "../core/sweep.hpp"
#include "../row/algebra.hpp"
#include "../row/objective.hpp"
#include "detail/labels.hpp"

DISTILL_NAMESPACE_BEGIN

/// Whether a row of several pairs stands for their mean or their sum.
enum class list_reduction { mean, sum };

/// Squared error of the margins between a positive score and the others, over raw scores: rankers, where the columns
/// are the documents of a query.
///   value     mean_k e_k²,  e_k = (u_s,+ - u_s,k) - (u_t,+ - u_t,k),  u = z/T  (or the sum, see list_reduction)
///   student   at k -2 e_k/(n T), at the positive the negative of their sum
///   teacher   the negative of that
/// The positive is the label's column, column 0 in a batch without labels. A column masked (-inf) on either side is not
/// there: lists of different lengths. Without a pair: value 0, gradient 0. Divided by the number of all pairs instead,
/// batches of such lists are list_reduction::sum with reduction::count. A teacher of which only margins m are known is
/// the row (0, -m_1, -m_2, …); scores in two matrices are put together by row/side_by_side.hpp.
/// Rows with label `ignore_index` do not take part; other labels outside [0, columns) are an argument_error.
/// Source: Hofstätter et al. 2020, arXiv 2010.02666
struct margin_mse {
  list_reduction pairs = list_reduction::mean;
  index ignore_index = -100;
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::none;

  static constexpr objective_info info{.name = "margin_mse",
                                       .formula = "mean_k [(u_s,+ − u_s,k) − (u_t,+ − u_t,k)]², u = z/T",
                                       .source = "Hofstätter et al. 2020, arXiv 2010.02666",
                                       .gradient = "−2 e_k/(n T), at the positive minus their sum",
                                       .systems = "Margin-MSE, TAS-B, SPLADE",
                                       .uses_labels = true,
                                       .symmetric = true};

  static bool needs_labels() { return false; }
  bool counts(index label) const { return label != ignore_index; }
  void validate_label(index row, index label, index columns) const {
    detail::require_label(row, label, columns, ignore_index);
  }

  template <class T>
  wide<T> evaluate(const score_row<T>& row) const {
    using std::isnan;
    using number = wide<T>;
    using V = simd<T>;
    const V zero(T(0)), one(T(1)), quarter(T(0.25)), masked(-std::numeric_limits<T>::infinity());
    const index at = row.label >= 0 ? row.label : 0;
    const V top_s(row.z_s[at]), top_t(row.z_t[at]), scale_s(row.scale_s), scale_t(row.scale_t);
    T *const e = row.scratch.numbers[0], *const kept = row.scratch.numbers[1];
    const bool one_scale = detail::identical(row.scale_s, row.scale_t);
    const auto no_positive = detail::either(top_s == masked, top_t == masked);
    // A quarter of e: no difference of finite scores overflows before it is squared.
    detail::sweep<T>(
        row.padded,
        [&](const V& s, const V& t, V& error, V& present) DISTILL_LAMBDA_INLINE {
          const auto absent = detail::either(detail::either(s == masked, t == masked), no_positive);
          const exact_difference<V> margin_s(top_s * quarter, s * quarter), margin_t(top_t * quarter, t * quarter);
          const exact_difference<V> whole(margin_s.rounded, margin_t.rounded);
          const V own = one_scale ? (whole.rounded + (whole.rest + (margin_s.rest - margin_t.rest))) * scale_s
                                  : margin_s.rounded * scale_s - margin_t.rounded * scale_t;
          const V sum = s + t;
          error = lane<V>::select(detail::both(s == s, t == t), lane<V>::select(absent, zero, own), sum);  // NaN stays
          present = lane<V>::select(absent, zero, one);
        },
        row.z_s, row.z_t, e, kept);
    const number squares = detail::sum_of_batches<T>(
        row.padded, [](const V& x) DISTILL_LAMBDA_INLINE { return x * x; }, static_cast<const T*>(e));
    const double count = value_of(detail::sum(kept, row.padded)) - 1;  // without the positive, whose own margin is 0
    if (isnan(squares) || !(count > 0)) return constant(row, squares);
    const double share = pairs == list_reduction::mean ? 1 / count : 1;
    number total = 0;  // weighed first: a mean of finite numbers is finite
    for (index c = 0; c < row.columns; ++c) total += share * static_cast<number>(e[c]);
    write(e, -8 * share, 8 * total, at, row.columns, row.to_student);
    write(e, 8 * share, -8 * total, at, row.columns, row.to_teacher);
    return 16 * share * squares;
  }

 private:
  /// a - b with what its rounding lost (Knuth): neither near margins nor near scores of large size cost digits.
  template <class V>
  struct exact_difference {
    V rounded, rest;
    DISTILL_INLINE exact_difference(V a, V b) : rounded(a - b) {
      const V back = rounded - a;
      rest = (a - (rounded - back)) - (b + back);
    }
  };

  /// No pair: value and slopes 0; or NaN all.
  template <class T>
  static wide<T> constant(const score_row<T>& row, wide<T> value) {
    for (T* to : {row.to_student, row.to_teacher})
      if (to) detail::fill(to, static_cast<T>(value), row.columns);
    return value;
  }
  template <class T>
  static void write(const T* e, double factor, wide<T> positive, index at, index columns, T* to) {
    if (!to) return;
    const T f = static_cast<T>(factor);
    for (index c = 0; c < columns; ++c) to[c] = f * e[c];
    to[at] = static_cast<T>(positive);
  }
};

DISTILL_NAMESPACE_END
