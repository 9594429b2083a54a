// Products of a matrix with its own transpose, and what symmetry saves elsewhere.
#pragma once

#include <algorithm>

#include "../config.hpp"
#include "../core/matrix_view.hpp"
#include "../core/parallel.hpp"
#include "../core/simd.hpp"
#include "../core/sweep.hpp"
#include "../core/transpose.hpp"
#include "detail/dual_tile.hpp"
#include "detail/product_tile.hpp"
#include "transposed.hpp"

DISTILL_NAMESPACE_BEGIN

namespace detail {

/// Side of the square blocks in which a matrix meets its transpose: two of them fit the first-level cache.
inline constexpr index transpose_block = 32;

/// Calls f(row, rows, column, columns) for the blocks on and below the diagonal; blocks of one row of blocks by one
/// thread.
template <class F>
void for_lower_blocks(index size, const execution& how, const F& f) {
  const index blocks = (size + transpose_block - 1) / transpose_block;
  parallel_for(blocks, size < 256 ? 1 : how.count(), [&](index turn, int) {
    const index block = turn % 2 ? blocks - 1 - turn / 2 : turn / 2;  // long rows of blocks among short ones
    const index row = block * transpose_block, rows = std::min(transpose_block, size - row);
    for (index column = 0; column <= row; column += transpose_block)
      f(row, rows, column, std::min(transpose_block, size - column));
  });
}

template <class T>
void check_square(const char* who, const matrix_view<T>& m) {
  if (m.rows != m.columns) fail(who, ": the matrix is ", m.rows, "×", m.columns, ", must be square");
  if (m.column_stride != 1) fail(who, ": column stride is ", m.column_stride, ", 1 expected");
}

}  // namespace detail

/// m = m + mᵀ, exactly symmetric. @throws argument_error  not square, column stride not 1
template <class T>
void add_transpose(const matrix_view<T>& m, const execution& how = {}) {
  detail::check_square("add_transpose", m);
  constexpr index side = detail::transpose_block;
  detail::for_lower_blocks(m.rows, how, [&](index row, index rows, index column, index columns) {
    alignas(cache_line) T turned[side * side], sum[side * side];
    detail::transpose(&m(column, row), m.row_stride, columns, rows, turned, side);
    for (index r = 0; r < rows; ++r) {
      detail::add_to(turned + r * side, static_cast<const T*>(&m(row + r, column)), columns);
    }
    detail::transpose(turned, side, rows, columns, sum, side);
    for (index r = 0; r < rows; ++r) std::copy_n(turned + r * side, columns, &m(row + r, column));
    if (row != column)
      for (index c = 0; c < columns; ++c) std::copy_n(sum + c * side, rows, &m(column + c, row));
  });
}

/// c = factor · a aᵀ, exactly symmetric; a of shape n×k, c n×n, row-major. Half the work of product(): the blocks on
/// and below the diagonal are computed, the others copied. The same bits for every thread count.
/// @throws argument_error  extents that do not match, a column stride of c other than 1
template <class T>
void symmetric_product(matrix_view<const std::type_identity_t<T>> a, matrix_view<T> c, execution resources = {},
                       std::type_identity_t<T> factor = T(1)) {
  detail::check_square("symmetric_product", c);
  if (c.rows != a.rows) fail("symmetric_product: c has ", c.rows, " rows, a has ", a.rows);
  if (c.rows == 0) return;
  const index size = c.rows, tile_rows = detail::even_piece(size, size < 512 ? 64 : 128, detail::micro_block<T>::rows);
  const auto tile = [&](index row, index rows, index column, index columns) {
    detail::product_tile(detail::block_of(a, row, rows, 0, a.columns),
                         transposed(detail::block_of(a, column, columns, 0, a.columns)),
                         detail::block_of(c, row, rows, column, columns), {}, factor);
  };
  const index strips = (size + tile_rows - 1) / tile_rows;
  const double work = static_cast<double>(size) * static_cast<double>(size) * static_cast<double>(a.columns) / 2;
  parallel_for(strips, work < 1e6 ? 1 : resources.count(), [&](index turn, int) {
    const index strip = turn % 2 ? strips - 1 - turn / 2 : turn / 2;  // long strips among short ones
    const index row = strip * tile_rows, rows = std::min(tile_rows, size - row);
    if (row > 0) tile(row, rows, 0, row);
    constexpr index step = detail::micro_block<T>::columns;  // on the diagonal little is computed twice
    for (index r = 0; r < rows; r += step) tile(row + r, rows - r, row + r, std::min(step, rows - r));
  });
  detail::for_lower_blocks(size, resources, [&](index row, index rows, index column, index columns) {
    if (row != column)
      return detail::transpose(&c(row, column), c.row_stride, rows, columns, &c(column, row), c.row_stride);
    for (index r = 0; r < rows; ++r)
      for (index k = r + 1; k < columns; ++k) c(row + r, column + k) = c(row + k, column + r);
  });
}

DISTILL_NAMESPACE_END
