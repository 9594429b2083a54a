// Dot products of anchors with keys, a tile of anchors at a time, and the way back of what becomes of them.
#pragma once

#include <algorithm>
#include <limits>
#include <span>

#include "../config.hpp"
#include "../core/matrix_view.hpp"
#include "../core/parallel.hpp"
#include "../dense/product.hpp"
#include "../dense/symmetric.hpp"
#include "../pair/chain.hpp"
#include "workspace.hpp"

DISTILL_NAMESPACE_BEGIN

/// Keys that lie together: rows of an own matrix (row- or column-major), and where their gradient goes, if anywhere.
template <class T>
struct key_block {
  matrix_view<const T> rows{};
  matrix_view<T> gradient{};  ///< row-major
};

/// Who meets whom, and where slopes go. All rows of one width.
template <class T>
struct similarities {
  matrix_view<const T> anchors{};
  std::span<const key_block<T>> keys{};  ///< their rows are the columns, block after block
  matrix_view<const T> targets{};        ///< one for each anchor, to meet the same keys; empty where not wanted
  bool without_self = false;             ///< anchor i is row i of the first block: -inf there
  matrix_view<T> to_anchors{};           ///< row-major; empty where not wanted
  bool add = false;                      ///< to what the gradients hold already

  index columns() const {
    index total = 0;
    for (const key_block<T>& block : keys) total += block.rows.rows;
    return total;
  }
  bool wants_slopes() const {
    return to_anchors || std::any_of(keys.begin(), keys.end(), [](const auto& block) { return bool(block.gradient); });
  }
  /// Whether a row is anchor and key: the matrix is its own transpose.
  bool symmetric() const {
    if (keys.size() != 1 || targets) return false;
    const matrix_view<const T>& k = keys[0].rows;
    return k.data == anchors.data && k.rows == anchors.rows && k.row_stride == anchors.row_stride &&
           k.column_stride == anchors.column_stride;
  }
  /// Anchors to take at a time: as many as `largest_tile` similarities allow, at least one.
  index tile_rows(index largest_tile) const {
    return std::clamp<index>(largest_tile / std::max<index>(columns(), 1), 1, std::max<index>(anchors.rows, 1));
  }
};

/// Calls f(first, s, t) for every tile of anchors, in order: s the dot products of anchors first, first + 1, … with all
/// keys, t those of their targets. f returns the tile's value and, where slopes are wanted, leaves them in s:
///   to_anchors = s · keys,  gradient of a block = sᵀ · anchors
/// Returns the sum of the values. Results do not depend on the number of threads; those of different tiles differ by
/// rounding. Working memory: one tile, two with targets.
template <class T, class F>
double over_similarities(const similarities<T>& in, index largest_tile, const execution& how,
                         contrast_workspace<T>& workspace, const F& f) {
  const index anchors = in.anchors.rows, columns = in.columns(), height = in.tile_rows(largest_tile);
  const index stride = detail::scratch_columns<T>(columns);
  detail::contrast_scratch<T>& scratch = workspace.scratch();
  T* const own = scratch.similarities.reserve(height * stride);
  T* const other = in.targets ? scratch.second.reserve(height * stride) : nullptr;
  const auto part = [](auto rows, index first, index count) {
    rows.data = rows.row(first);
    rows.rows = count;
    return rows;
  };
  double value = 0;
  for (index first = 0; first < anchors; first += height) {
    const index count = std::min(height, anchors - first);
    const matrix_view<const T> rows = part(in.anchors, first, count);
    const matrix_view<T> s(own, count, columns, stride), t(other, count, other ? columns : 0, stride);
    const auto each_block = [&](const auto& visit) {
      index column = 0;
      for (const key_block<T>& block : in.keys) {
        if (block.rows.rows > 0) visit(block, column);
        column += block.rows.rows;
      }
    };
    const auto columns_of = [&](const matrix_view<T>& m, const key_block<T>& block, index column) {
      return matrix_view<T>(m.data + column, count, block.rows.rows, stride);
    };
    if (in.symmetric() && count == anchors)
      symmetric_product(rows, s, how);
    else
      each_block([&](const key_block<T>& block, index column) {
        product(rows, transposed(block.rows), columns_of(s, block, column), {}, how);
      });
    if (other)
      each_block([&](const key_block<T>& block, index column) {
        product(part(in.targets, first, count), transposed(block.rows), columns_of(t, block, column), {}, how);
      });
    for (index r = 0; in.without_self && r < count; ++r) s(r, first + r) = -std::numeric_limits<T>::infinity();
    value += f(first, s, t);
    bool add_to_anchors = in.add;
    each_block([&](const key_block<T>& block, index column) {
      const matrix_view<T> slopes = columns_of(s, block, column);
      if (in.to_anchors) {
        const matrix_view<T> to = part(in.to_anchors, first, count);
        product(slopes, block.rows, to, add_to_anchors ? matrix_view<const T>(to) : matrix_view<const T>(), how);
        add_to_anchors = true;
      }
      if (block.gradient)
        product(transposed<const T>(slopes), rows, block.gradient,
                in.add || first > 0 ? matrix_view<const T>(block.gradient) : matrix_view<const T>(), how);
    });
  }
  return value;
}

DISTILL_NAMESPACE_END
