// Means of the rows that belong together, and the way back.
#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/sweep.hpp"
#include "stage.hpp"

DISTILL_NAMESPACE_BEGIN

/// Which rows make up which segment: superpixels, classes. A row of segment −1 belongs to none.
///   segment_means segments(ids, 150);
///   segments.forward(points, pooled);       pooled row s = mean of the points of segment s; 0 where it has none
///   segments.backward(slopes, to_points);   every point gets its segment's slope over the segment's size
/// Rows are added in their own order, in double: the result does not depend on the number of threads.
class segment_means {
 public:
  segment_means() = default;
  /// @throws argument_error  ids outside [−1, segments)
  segment_means(const index_view& ids, index segments) { assign(ids, segments); }

  /// The same for other ids, in the memory it has.
  void assign(const index_view& ids, index segments) {
    if (segments < 0) fail("segment_means: segments is ", segments, ", must not be negative");
    for (index r = 0; r < ids.size(); ++r)
      if (ids[r] < -1 || ids[r] >= segments)
        fail("segments[", r, "] is ", ids[r], ", must lie in [0, ", segments, ") or be -1");
    rows_ = ids.size();
    begin_.assign(static_cast<std::size_t>(segments) + 2, 0);
    order_.resize(static_cast<std::size_t>(rows_));
    for (index r = 0; r < rows_; ++r) ++begin_[static_cast<std::size_t>(ids[r] + 2)];  // those without one come first
    std::partial_sum(begin_.begin(), begin_.end(), begin_.begin());
    // Each beginning moves to its end, which is the beginning of the next.
    for (index r = 0; r < rows_; ++r)
      order_[static_cast<std::size_t>(begin_[static_cast<std::size_t>(ids[r] + 1)]++)] = r;
  }

  index rows() const { return rows_; }
  index segments() const { return std::max<index>(std::ssize(begin_) - 2, 0); }
  /// How many rows a segment has.
  index size(index segment) const { return end(segment) - start(segment); }

  /// `pooled` has a row for each segment and column stride 1.
  template <class T>
  void forward(const matrix_view<const T>& rows, const matrix_view<T>& pooled, const execution& how = {}) const {
    check(rows, pooled);
    each_segment(rows, how, [&](index s) {
      constexpr index width = 64;
      const double share = 1 / static_cast<double>(std::max<index>(size(s), 1));
      for (index first = 0; first < rows.columns; first += width) {
        const index count = std::min(width, rows.columns - first);
        double sum[width] = {};
        for (index i = start(s); i < end(s); ++i)
          for (index c = 0; c < count; ++c)
            sum[c] += static_cast<double>(rows(order_[static_cast<std::size_t>(i)], first + c));
        for (index c = 0; c < count; ++c) pooled(s, first + c) = static_cast<T>(sum[c] * share);
      }
    });
  }
  /// `slopes` likewise; adds to `to_rows` or writes it, rows without a segment included.
  template <class T>
  void backward(const matrix_view<const T>& slopes, const matrix_view<T>& to_rows, bool add = false,
                const execution& how = {}) const {
    check(to_rows, slopes);
    const index without = begin_.empty() ? 0 : begin_[0];
    for (index i = 0; !add && i < without; ++i)
      for (index c = 0; c < to_rows.columns; ++c) to_rows(order_[static_cast<std::size_t>(i)], c) = 0;
    each_segment(to_rows, how, [&](index s) {
      const auto share = static_cast<T>(1 / static_cast<double>(std::max<index>(size(s), 1)));
      for (index i = start(s); i < end(s); ++i)
        for (index c = 0; c < slopes.columns; ++c) {
          T& to = to_rows(order_[static_cast<std::size_t>(i)], c);
          to = (add ? to : T(0)) + share * slopes(s, c);
        }
    });
  }

 private:
  // After assign, begin_[s] is where segment s begins: begin_[0] is how many rows have none.
  index start(index s) const { return begin_[static_cast<std::size_t>(s)]; }
  index end(index s) const { return begin_[static_cast<std::size_t>(s) + 1]; }
  template <class A, class B>
  void check(const matrix_view<A>& rows, const matrix_view<B>& pooled) const {
    if (rows.rows != rows_) fail("segment_means: ", rows.rows, " rows given, segments has ", rows_, " entries");
    if (pooled.rows != segments() || pooled.columns != rows.columns)
      fail("segment_means: pooled is ", pooled.rows, " x ", pooled.columns, ", must be ", segments(), " x ",
           rows.columns);
  }
  template <class M, class F>
  void each_segment(const M& rows, const execution& how, const F& f) const {
    detail::for_row_pieces(segments(), rows.rows * rows.columns, how, [&](index first, index last) {
      for (index s = first; s < last; ++s) f(s);
    });
  }

  index rows_ = 0;
  std::vector<index> begin_, order_;
};

DISTILL_NAMESPACE_END
