// Dense matrix products whose bits depend on the shapes alone: not on threads, not on the machine's caches.
#pragma once

#include <algorithm>

#include "../config.hpp"
#include "../core/matrix_view.hpp"
#include "../core/parallel.hpp"
#include "../core/sweep.hpp"
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
  if (a.column_stride != 1 && a.row_stride != 1)
    fail("product: a has strides ", a.row_stride, " and ", a.column_stride, ", one of them must be 1");
  if (b.column_stride != 1 && b.row_stride != 1)
    fail("product: b has strides ", b.row_stride, " and ", b.column_stride, ", one of them must be 1");
  if (initial && (initial.rows != c.rows || initial.columns != c.columns))
    fail("product: initial is ", initial.rows, "×", initial.columns, ", c is ", c.rows, "×", c.columns);
}

}  // namespace detail

/// c = initial + factor · a · b, with a of shape m×k, b of k×n, c of m×n.
///
/// a and b are row- or column-major, so `transposed(x)` costs nothing; c is row-major. Without `initial` the sum starts
/// at zero; initial = c accumulates; a row or column stride of 0 broadcasts a bias. c overlaps neither a nor b.
/// c is a fixed grid of tiles, each one single-threaded product: the result is the same for every thread count.
/// @throws argument_error  extents that do not match, strides that Eigen's kernel cannot read
template <class T>
void product(matrix_view<const std::type_identity_t<T>> a, matrix_view<const std::type_identity_t<T>> b,
             matrix_view<T> c, matrix_view<const std::type_identity_t<T>> initial = {}, execution resources = {},
             std::type_identity_t<T> factor = T(1)) {
  detail::check_product<T>(a, b, c, initial);
  if (c.rows == 0 || c.columns == 0) return;
  const detail::product_blocks<T> blocks(c.rows, c.columns);
  const index tile_rows = detail::even_piece(c.rows, blocks.rows, 4);
  const index tile_columns = detail::even_piece(c.columns, blocks.columns, 16);
  const index grid_columns = (c.columns + tile_columns - 1) / tile_columns;
  const index tiles = (c.rows + tile_rows - 1) / tile_rows * grid_columns;
  const double work = static_cast<double>(c.rows) * static_cast<double>(c.columns) * static_cast<double>(a.columns);
  const int threads = work < 1e6 ? 1 : resources.count();  // a smaller product takes less time than waking a thread
  parallel_for(tiles, threads, [&](index tile, int) {
    const index row = tile / grid_columns * tile_rows, column = tile % grid_columns * tile_columns;
    const index rows = std::min(tile_rows, c.rows - row), columns = std::min(tile_columns, c.columns - column);
    const matrix_view<T> part(&c(row, column), rows, columns, c.row_stride);
    if (initial.data != c.data)
      for (index r = 0; r < rows; ++r) {
        if (!initial)
          detail::fill(part.row(r), T(0), columns);
        else if (initial.column_stride == 1)
          std::copy_n(&initial(row + r, column), columns, part.row(r));
        else if (initial.column_stride == 0)
          detail::fill(part.row(r), initial(row + r, 0), columns);
        else
          for (index j = 0; j < columns; ++j) part(r, j) = initial(row + r, column + j);
      }
    if (a.columns == 0) return;
    detail::product_tile<T>({&a(row, 0), rows, a.columns, a.row_stride, a.column_stride},
                            {&b(0, column), b.rows, columns, b.row_stride, b.column_stride}, part, factor);
  });
}

DISTILL_NAMESPACE_END
