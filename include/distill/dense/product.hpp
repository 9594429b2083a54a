// Dense matrix products whose bits depend on the shapes alone: not on threads, not on the machine's caches.
#pragma once

#include <algorithm>

#include "../config.hpp"
#include "../core/matrix_view.hpp"
#include "../core/parallel.hpp"
#include "detail/dual_tile.hpp"
#include "detail/product_tile.hpp"
#include "transposed.hpp"

DISTILL_NAMESPACE_BEGIN

namespace detail {

template <class T>
void check_product(const matrix_view<const T>& a, const matrix_view<const T>& b, const matrix_view<T>& c,
                   const matrix_view<const T>& initial) {
  if (a.columns != b.rows) fail("product: a has ", a.columns, " columns, b has ", b.rows, " rows");
  if (c.rows != a.rows) fail("product: c has ", c.rows, " rows, a has ", a.rows);
  if (c.columns != b.columns) fail("product: c has ", c.columns, " columns, b has ", b.columns);
  if (c.column_stride != 1) fail("product: c has column stride ", c.column_stride, ", 1 expected");
  if (initial && (initial.rows != c.rows || initial.columns != c.columns))
    fail("product: initial is ", initial.rows, "×", initial.columns, ", c is ", c.rows, "×", c.columns);
}

/// How many pieces of rows × columns at most `threads` threads share an output of that many micro blocks in.
struct product_grid {
  index rows = 1, columns = 1;

  /// The largest piece is as small as can be; where that leaves a choice, columns are cut: every panel of b is then
  /// packed once.
  constexpr product_grid(index row_blocks, index column_blocks, index threads) {
    const auto piece = [](index blocks, index pieces) { return (blocks + pieces - 1) / pieces; };
    index best = row_blocks * column_blocks + 1;
    for (index along = std::min(threads, column_blocks); along >= 1; --along) {
      const index across = std::min(threads / along, row_blocks);
      const index largest = piece(row_blocks, across) * piece(column_blocks, along);
      if (largest >= best) continue;
      best = largest;
      rows = across;
      columns = along;
    }
  }
};

}  // namespace detail

/// c = initial + factor · a · b, with a of shape m×k, b of k×n, c of m×n.
///
/// a and b have any strides, so `transposed(x)` costs nothing; c is row-major. Without `initial` the sum starts
/// at zero; initial = c accumulates; a row or column stride of 0 broadcasts a bias. c overlaps neither a nor b.
/// Every element of c is summed in the same order wherever c is cut: the result is the same for every thread count.
/// @throws argument_error  extents that do not match, a column stride of c other than 1
template <class T>
void product(matrix_view<const std::type_identity_t<T>> a, matrix_view<const std::type_identity_t<T>> b,
             matrix_view<T> c, matrix_view<const std::type_identity_t<T>> initial = {}, execution resources = {},
             std::type_identity_t<T> factor = T(1)) {
  detail::check_product<T>(a, b, c, initial);
  if (c.rows == 0 || c.columns == 0) return;
  // A column would fill one lane of every vector; as a row it fills them all, and its sums keep their order.
  if (c.columns == 1 && c.rows > 1 && c.row_stride == 1)
    return product(transposed(b), transposed(a), transposed(c), initial ? transposed(initial) : initial, resources,
                   factor);
  using micro = detail::micro_block<T>;
  const double work = static_cast<double>(c.rows) * static_cast<double>(c.columns) * static_cast<double>(a.columns);
  const int threads = work < 1e6 ? 1 : resources.count();  // a smaller product takes less time than waking a thread
  const index row_blocks = (c.rows + micro::rows - 1) / micro::rows;
  const index column_blocks = (c.columns + micro::columns - 1) / micro::columns;
  const detail::product_grid grid(row_blocks, column_blocks, threads);
  parallel_for(grid.rows * grid.columns, threads, [&](index piece, int) {
    const auto cut = [](index blocks, index pieces, index which, index step, index size) {
      return std::min(size, blocks * which / pieces * step);
    };
    const index y = piece / grid.columns, x = piece % grid.columns;
    const index row = cut(row_blocks, grid.rows, y, micro::rows, c.rows);
    const index rows = cut(row_blocks, grid.rows, y + 1, micro::rows, c.rows) - row;
    const index column = cut(column_blocks, grid.columns, x, micro::columns, c.columns);
    const index columns = cut(column_blocks, grid.columns, x + 1, micro::columns, c.columns) - column;
    detail::product_tile(detail::block_of(a, row, rows, 0, a.columns), detail::block_of(b, 0, b.rows, column, columns),
                         detail::block_of(c, row, rows, column, columns),
                         initial ? detail::block_of(initial, row, rows, column, columns) : initial, factor);
  });
}

DISTILL_NAMESPACE_END
