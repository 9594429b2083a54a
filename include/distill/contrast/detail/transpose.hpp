// A matrix written or added to another one's transpose.
#pragma once

#include "../../dense/symmetric.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// Calls f(row, rows, column, columns) for blocks of a rows × columns matrix, one strip of blocks by one thread.
template <class F>
void for_blocks(index rows, index columns, const execution& how, const F& f) {
  const index strips = (rows + transpose_block - 1) / transpose_block;
  parallel_for(strips, rows * columns < (index{1} << 16) ? 1 : how.count(), [&](index strip, int) {
    const index row = strip * transpose_block;
    for (index column = 0; column < columns; column += transpose_block)
      f(row, std::min(transpose_block, rows - row), column, std::min(transpose_block, columns - column));
  });
}

/// to = fromᵀ; both row-major.
template <class T>
void transpose_to(const matrix_view<const T>& from, const matrix_view<T>& to, const execution& how) {
  for_blocks(to.rows, to.columns, how, [&](index row, index rows, index column, index columns) {
    transpose(&from(column, row), from.row_stride, columns, rows, &to(row, column), to.row_stride);
  });
}

/// to += fromᵀ; both row-major.
template <class T>
void add_transpose_to(const matrix_view<const T>& from, const matrix_view<T>& to, const execution& how) {
  for_blocks(to.rows, to.columns, how, [&](index row, index rows, index column, index columns) {
    alignas(cache_line) T turned[transpose_block * transpose_block];
    transpose(&from(column, row), from.row_stride, columns, rows, turned, transpose_block);
    for (index r = 0; r < rows; ++r)
      add_to(&to(row + r, column), static_cast<const T*>(turned + r * transpose_block), columns);
  });
}

}  // namespace detail
DISTILL_NAMESPACE_END
