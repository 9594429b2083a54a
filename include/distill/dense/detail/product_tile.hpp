// One tile of a matrix product, on the calling thread.
#pragma once

#include <algorithm>

#include "../../config.hpp"
#include "../../core/buffer.hpp"
#include "../../core/matrix_view.hpp"
#include "../../core/transpose.hpp"
#include "micro_kernel.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// Block sizes of the product. The depth block alone decides the order of a sum, and so the bits: the sums of a block
/// are added up in registers, those of the blocks in c. A panel of b, depth × columns of a micro block, takes 16 KiB
/// (float, AVX-512) of stack and stays in the first-level cache while the rows of a pass by; what is read of a, and
/// c, stay in the second.
struct product_blocks {
  static constexpr index depth = 128;
  static constexpr index rows = 128;
  static constexpr index columns = 256;
};

/// Splits `size` into the fewest pieces of at most `largest`, all multiples of `step` but the last.
constexpr index even_piece(index size, index largest, index step) {
  const index pieces = (size + largest - 1) / largest;
  const index piece = (size + pieces - 1) / pieces;
  return std::min(largest, (piece + step - 1) / step * step);
}

template <class T>
constexpr matrix_view<T> block_of(const matrix_view<T>& m, index row, index rows, index column, index columns) {
  return {m.data + row * m.row_stride + column * m.column_stride, rows, columns, m.row_stride, m.column_stride};
}

/// panel = b, by rows of micro_block columns, zero beyond those of b.
template <class T>
void pack_panel(const matrix_view<const T>& b, T* panel) {
  constexpr index width = micro_block<T>::columns;
  if (b.columns < width) std::fill_n(panel, b.rows * width, T(0));
  if (b.row_stride == 1) {
    transpose(b.data, b.column_stride, b.columns, b.rows, panel, width);
  } else if (b.column_stride == 1 && b.columns == width) {
    constexpr index step = lane<simd<T>>::width;
    for (index k = 0; k < b.rows; ++k)
      for (index j = 0; j < width; j += step)
        simd<T>::load_unaligned(b.row(k) + j).store_aligned(panel + k * width + j);
  } else {
    for (index k = 0; k < b.rows; ++k)
      for (index j = 0; j < b.columns; ++j) panel[k * width + j] = b(k, j);
  }
}

/// All rows of a beside one panel of b, of which `columns` fill at most so many vectors.
template <class T, int Vectors>
void product_rows(const matrix_view<const T>& a, const T* b, index b_stride, index columns, micro_target<T> to) {
  if constexpr (Vectors > 1)
    if (columns <= (Vectors - 1) * micro_block<T>::width)
      return product_rows<T, Vectors - 1>(a, b, b_stride, columns, to);
  index row = 0;
  const auto run = [&](auto height) DISTILL_LAMBDA_INLINE {
    for (; row + height <= a.rows; row += height) {
      micro_kernel<T, height, Vectors>(a.columns, a.row(row), a.row_stride, a.column_stride, b, b_stride, to, columns);
      to.c += height * to.stride;
      if (to.initial != nullptr) to.initial += height * to.initial_row_stride;
    }
  };
  run(std::integral_constant<int, micro_block<T>::rows>{});
  if constexpr (micro_block<T>::rows > 4) run(std::integral_constant<int, 4>{});
  run(std::integral_constant<int, 2>{});
  run(std::integral_constant<int, 1>{});
}

/// c = initial + factor · a · b for a block of c that fits the caches.
template <class T>
void product_block(const matrix_view<const T>& a, const matrix_view<const T>& b, const matrix_view<T>& c,
                   matrix_view<const T> initial, T factor) {
  using micro = micro_block<T>;
  alignas(cache_line) T panel[product_blocks::depth * micro::columns];
  const index depth_block = even_piece(a.columns, product_blocks::depth, 8);
  for (index k = 0; k < a.columns; k += depth_block, initial = c) {
    const index depth = std::min(depth_block, a.columns - k);
    const matrix_view<const T> left = block_of(a, 0, a.rows, k, depth);
    for (index column = 0; column < c.columns; column += micro::columns) {
      const index columns = std::min<index>(micro::columns, c.columns - column);
      const matrix_view<const T> right = block_of(b, k, depth, column, columns);
      // Few rows do not pay for a copy.
      const bool in_place = b.column_stride == 1 && columns == micro::columns && a.rows <= 8 * micro::rows;
      if (!in_place) pack_panel(right, panel);
      const T* lines = in_place ? right.data : panel;
      const index stride = in_place ? b.row_stride : micro::columns;
      const micro_target<T> to{
          c.row(0) + column,  c.row_stride,          initial ? initial.data + column * initial.column_stride : nullptr,
          initial.row_stride, initial.column_stride, factor};
      product_rows<T, micro::vectors>(left, lines, stride, columns, to);
    }
  }
}

/// c = initial + factor · a · b on the calling thread; c row-major, a and b of any strides.
template <class T>
void product_tile(const matrix_view<const T>& a, const matrix_view<const T>& b, const matrix_view<T>& c,
                  matrix_view<const T> initial, T factor) {
  if (a.columns == 0 || (initial && initial.column_stride != 0 && initial.column_stride != 1)) {
    for (index r = 0; r < c.rows; ++r)
      for (index j = 0; j < c.columns; ++j) c(r, j) = initial ? initial(r, j) : T(0);
    initial = c;
    if (a.columns == 0) return;
  }
  const index rows = even_piece(c.rows, product_blocks::rows, micro_block<T>::rows);
  const index columns = even_piece(c.columns, product_blocks::columns, micro_block<T>::columns);
  for (index row = 0; row < c.rows; row += rows)
    for (index column = 0; column < c.columns; column += columns) {
      const index m = std::min(rows, c.rows - row), n = std::min(columns, c.columns - column);
      product_block<T>(block_of(a, row, m, 0, a.columns), block_of(b, 0, b.rows, column, n),
                       block_of(c, row, m, column, n), initial ? block_of(initial, row, m, column, n) : initial,
                       factor);
    }
}

}  // namespace detail
DISTILL_NAMESPACE_END
