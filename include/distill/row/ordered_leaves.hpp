// Leaves that need a row's classes in an order: the row in memory, room for sorting, their slopes.
#pragma once

#include <array>

#include "../config.hpp"
#include "../core/simd.hpp"
#include "fused.hpp"
#include "ranking.hpp"
#include "sites.hpp"
#include "sweeps.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

template <class T, row_objective X>
class ordered_leaves {
  static constexpr std::size_t leaves = static_cast<std::size_t>(sum_of<X>::leaves);
  static constexpr int count = leaf_kinds<sum_of<X>>::ordered_leaves;
  /// Rows of T that a row of ranks takes.
  static constexpr index rank_rows = static_cast<index>((sizeof(ranked<T>) + sizeof(T) - 1) / sizeof(T));

 public:
  static index scratch_size(index columns) {
    return count == 0 ? 0 : (3 + 2 * rank_rows + 2 * count) * scratch_stride<T>(columns);
  }

  ordered_leaves(index columns, T*& scratch) : columns_(columns) {
    if constexpr (count > 0) {
      const auto rows = [&](index n) { return take(scratch, n * scratch_stride<T>(columns)); };
      for (T*& each : row_) each = rows(1);
      for (auto*& ranks : ranks_) ranks = reinterpret_cast<ranked<T>*>(rows(rank_rows));
      for (auto& of_leaf : slopes_)
        for (T*& slopes : of_leaf) slopes = rows(1);
    }
  }

  /// The value of leaf k over the rows of `lanes`, and its slopes.
  template <ordered L>
  double evaluate(std::size_t k, const L& leaf, leaf_lanes<T, row_reader<T>> lanes, const row_reader<T>& blocks,
                  index end, bool with_slopes) {
    for (index block = 0; block < end;) {
      const index stop = blocks.block_end(block);
      lanes.enter(block);
      for (index i = block; i < stop; i += lanes_of<T>) {
        const element<simd<T>> x = lanes.template at<L, false>(i);
        x.d.store_aligned(row_[0] + i);
        x.p_s.store_aligned(row_[1] + i);
        x.p_t.store_aligned(row_[2] + i);
      }
      block = stop;
    }
    whole_row<T> all{.columns = columns_, .d = row_[0], .p_s = row_[1], .p_t = row_[2]};
    if (with_slopes) all.to_student = slopes_[number[k]][0], all.to_teacher = slopes_[number[k]][1];
    all.ranks = ranks_[0];
    all.more_ranks = ranks_[1];
    return leaf.evaluate(all);
  }

  const T* slopes(std::size_t k, std::size_t n) const { return slopes_[number[k]][n]; }

  /// Σ slope and Σ slope · (z - max) of leaf k's side n.
  struct sums {
    double slope = 0, moment = 0;
  };
  sums sums_over(std::size_t k, std::size_t n, const T* z, T max) const {
    const T* own = slopes(k, n);
    sums result;
    for (index c = 0; c < columns_; ++c) {
      result.slope += static_cast<double>(own[c]);
      if (own[c] != 0) result.moment += static_cast<double>(own[c]) * static_cast<double>(z[c] - max);
    }
    return result;
  }

 private:
  /// Of leaf k among the ordered ones.
  static constexpr auto number = []<class... Ls>(const weighted_sum<Ls...>*) {
    std::array<std::size_t, leaves> result{};
    std::size_t next = 0, k = 0;
    ((result[k++] = next, next += ordered<Ls> ? 1 : 0), ...);
    return result;
  }(static_cast<const sum_of<X>*>(nullptr));

  index columns_;
  std::array<T*, 3> row_{};
  std::array<ranked<T>*, 2> ranks_{};
  std::array<std::array<T*, 2>, static_cast<std::size_t>(count)> slopes_{};
};

}  // namespace detail
DISTILL_NAMESPACE_END
