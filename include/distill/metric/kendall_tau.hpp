// Do two sets of scores put things in the same order?
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"
#include "detail/logits.hpp"

DISTILL_NAMESPACE_BEGIN

namespace detail {

/// std::vector, std::span, std::array, an Eigen vector, a row or a column of an Eigen matrix.
template <class Range>
concept score_range = one_dimensional<Range> && requires(const Range& r) {
  {static_cast<double>(*r.data())};
  { r.size() } -> std::convertible_to<index>;
};

/// Pairs (x, y) of one ranking problem, and memory to sort them in.
class score_pairs {
 public:
  explicit score_pairs(index n) : pairs_(static_cast<std::size_t>(n)), y_(pairs_.size()), merged_(pairs_.size()) {}

  void set(index i, double x, double y) { pairs_[static_cast<std::size_t>(i)] = {x, y}; }

  double tau() {
    for (const auto& pair : pairs_)
      if (std::isnan(pair.first) || std::isnan(pair.second)) return std::numeric_limits<double>::quiet_NaN();
    std::sort(pairs_.begin(), pairs_.end());
    const auto same_x = [&](std::size_t a, std::size_t b) { return pairs_[a].first == pairs_[b].first; };
    const std::int64_t tied_x = tied(same_x);
    const std::int64_t tied_both = tied([&](std::size_t a, std::size_t b) { return pairs_[a] == pairs_[b]; });
    for (std::size_t i = 0; i < pairs_.size(); ++i) y_[i] = pairs_[i].second;
    const std::int64_t against = count_exchanges();
    const std::int64_t tied_y = tied([&](std::size_t a, std::size_t b) { return y_[a] == y_[b]; });

    const auto n = static_cast<std::int64_t>(pairs_.size());
    const std::int64_t all = n * (n - 1) / 2, in_x = all - tied_x, in_y = all - tied_y;
    if (in_x == 0 || in_y == 0) return std::numeric_limits<double>::quiet_NaN();
    // Ordered in both: all − tied in either; of these `against` are not in the same order.
    const auto net = static_cast<double>(all - tied_x - tied_y + tied_both - 2 * against);
    if (in_x == in_y) return net / static_cast<double>(in_x);  // a root's rounding must not make ±1 of something else
    return net / (std::sqrt(static_cast<double>(in_x)) * std::sqrt(static_cast<double>(in_y)));
  }

 private:
  /// Pairs of places in runs of equal entries.
  template <class Same>
  std::int64_t tied(const Same& same) const {
    std::int64_t result = 0, run = 0;
    for (std::size_t i = 1; i < pairs_.size(); ++i) {
      run = same(i - 1, i) ? run + 1 : 0;
      result += run;
    }
    return result;
  }
  /// Sorts y by merging, and counts how many pairs were in descending order.
  std::int64_t count_exchanges() {
    const std::size_t n = y_.size();
    std::int64_t exchanges = 0;
    for (std::size_t width = 1; width < n; width *= 2) {
      for (std::size_t begin = 0; begin < n; begin += 2 * width) {
        const std::size_t middle = std::min(begin + width, n), end = std::min(middle + width, n);
        std::size_t left = begin, right = middle;
        for (std::size_t to = begin; to < end; ++to) {
          const bool second = left == middle || (right < end && y_[right] < y_[left]);
          if (second) exchanges += static_cast<std::int64_t>(middle - left);
          merged_[to] = y_[second ? right++ : left++];
        }
      }
      std::swap(y_, merged_);
    }
    return exchanges;
  }

  std::vector<std::pair<double, double>> pairs_;
  std::vector<double> y_, merged_;
};

}  // namespace detail

/// Kendall's rank correlation with ties, τ_b = (P − Q)/√((P + Q + X) (P + Q + Y)) in [−1, 1]: of all pairs of places P
/// are in the same order on both sides, Q in opposite orders, X tied in y alone and Y tied in x alone. 1 for the same
/// order, −1 for the reverse; without ties the probability of agreeing less that of disagreeing. O(n log n).
/// Source: Kendall 1945, "The treatment of ties in ranking problems", Biometrika 33; Knight 1966, "A computer method
/// for calculating Kendall's tau with ungrouped data", JASA 61.
///
/// @param x, y  n scores each, contiguous or Eigen vectors, of any precision; ±inf are numbers like others
/// @returns NaN if a side is constant (n = 1 included) or holds a NaN
/// @throws argument_error  no scores, numbers of scores that differ
template <detail::score_range X, detail::score_range Y>
double kendall_tau(const X& x, const Y& y) {
  const auto n = static_cast<index>(x.size()), others = static_cast<index>(y.size());
  if (n < 1) fail("kendall_tau: x is empty");
  if (others != n) fail("kendall_tau: x has ", n, " scores, y has ", others);
  const index step = detail::element_stride(x), other_step = detail::element_stride(y);
  detail::score_pairs pairs(n);
  for (index i = 0; i < n; ++i)
    pairs.set(i, static_cast<double>(x.data()[i * step]), static_cast<double>(y.data()[i * other_step]));
  return pairs.tau();
}

/// The mean over the rows: how well a student keeps the teacher's order of the classes, sample by sample.
///
/// @param student  N × C scores, a matrix_view of any strides or an Eigen matrix
/// @param teacher  N × C scores, possibly of another precision
/// @returns NaN if a row of either is constant or holds a NaN
/// @throws argument_error  no rows or no classes, shapes that differ
template <detail::logit_matrix S, detail::logit_matrix T>
requires(!detail::score_range<S> && !detail::score_range<T>) double kendall_tau(const S& student, const T& teacher) {
  const auto s = detail::const_view(student);
  const auto t = detail::const_view(teacher);
  detail::check_pair("kendall_tau", s, t);
  detail::score_pairs pairs(s.columns);
  double sum = 0;
  for (index r = 0; r < s.rows; ++r) {
    for (index c = 0; c < s.columns; ++c) pairs.set(c, static_cast<double>(s(r, c)), static_cast<double>(t(r, c)));
    sum += pairs.tau();
  }
  return sum / static_cast<double>(s.rows);
}

DISTILL_NAMESPACE_END
