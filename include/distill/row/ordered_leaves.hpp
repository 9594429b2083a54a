// Leaves that need a row's classes in an order: the row in memory, room for sorting, their slopes.
#pragma once

#include <array>

#include "../config.hpp"
#include "../core/radix_sort.hpp"
#include "../core/simd.hpp"
#include "../core/sums.hpp"
#include "fused.hpp"
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
  static constexpr index shared_rows = 3 + 4 + 3 * rank_rows;

 public:
  static index scratch_size(index columns) {
    return count == 0 ? 0 : (shared_rows + 2 * count) * scratch_stride<T>(columns);
  }

  ordered_leaves(index columns, T*& scratch) : columns_(columns) {
    if constexpr (count > 0) {
      const auto rows = [&](index n) { return take(scratch, n * scratch_stride<T>(columns)); };
      for (T*& each : row_) each = rows(1);
      for (T*& each : room_.numbers) each = rows(1);
      for (auto*& ranks : room_.ranks) ranks = reinterpret_cast<ranked<T>*>(rows(rank_rows));
      for (std::size_t n = 0; n < 2; ++n) room_.wide[n] = reinterpret_cast<wide<T>*>(room_.ranks[n + 1]);
      for (auto& of_leaf : slopes_)
        for (T*& slopes : of_leaf) slopes = rows(1);
    }
  }

  /// The value of leaf k over the rows of `lanes`, sites s and t, and the slopes that are wanted.
  template <sees_whole_row L>
  wide<T> evaluate(std::size_t k, const L& leaf, leaf_lanes<T, row_reader<T>> lanes, const row_sites<T, X>& sites,
                   int s, int t, index label, const std::array<bool, 2>& wanted) {
    read<L>(lanes, sites.reader(0), sites.end());
    const auto fill = [&](auto& all) {
      all.columns = columns_;
      all.padded = sites.end();
      all.label = label;
      all.to_student = wanted[0] ? slopes_[number[k]][0] : nullptr;
      all.to_teacher = wanted[1] ? slopes_[number[k]][1] : nullptr;
      all.scratch = room_;
      return leaf.evaluate(all);
    };
    if constexpr (ordered<L>) {
      whole_row<T> all{.d = row_[0], .p_s = row_[1], .p_t = row_[2], .z_s = sites.logits(s), .z_t = sites.logits(t)};
      all.log_p_s = sites.log_p(s);
      return fill(all);
    } else {
      score_row<T> all{.z_s = row_[0], .z_t = row_[1], .scale_s = sites.scale(s), .scale_t = sites.scale(t)};
      return fill(all);
    }
  }

  const T* slopes(std::size_t k, std::size_t n) const { return slopes_[number[k]][n]; }

  wide<T> slope_sum(std::size_t k, std::size_t n) const { return sum(slopes(k, n), columns_); }
  /// Σ slope · (z - max) of leaf k's side n.
  wide<T> moment(std::size_t k, std::size_t n, const T* z, T max) const {
    const T* own = slopes(k, n);
    wide<T> result = 0;
    for (index c = 0; c < columns_; ++c)
      if (!vanishes(own[c])) result += static_cast<wide<T>>(own[c]) * static_cast<wide<T>>(z[c] - max);
    return result;
  }

 private:
  /// Of leaf k among those that see whole rows.
  static constexpr auto number = []<class... Ls>(const weighted_sum<Ls...>*) {
    std::array<std::size_t, leaves> result{};
    std::size_t next = 0, k = 0;
    ((result[k++] = next, next += sees_whole_row<Ls> ? 1 : 0), ...);
    return result;
  }(static_cast<const sum_of<X>*>(nullptr));

  template <class L>
  void read(leaf_lanes<T, row_reader<T>>& lanes, const row_reader<T>& blocks, index end) {
    for (index block = 0; block < end;) {
      const index stop = blocks.block_end(block);
      lanes.enter(block);
      for (index i = block; i < stop; i += lanes_of<T>) {
        if constexpr (ordered<L>) {
          const element<simd<T>> x = lanes.template at<L, false>(i);
          x.d.store_aligned(row_[0] + i);
          x.p_s.store_aligned(row_[1] + i);
          x.p_t.store_aligned(row_[2] + i);
        } else {
          lanes.z_s.load(i).store_aligned(row_[0] + i);
          lanes.z_t.load(i).store_aligned(row_[1] + i);
        }
      }
      block = stop;
    }
  }

  index columns_;
  std::array<T*, 3> row_{};
  row_scratch<T> room_{};
  std::array<std::array<T*, 2>, static_cast<std::size_t>(count)> slopes_{};
};

}  // namespace detail
DISTILL_NAMESPACE_END
