// Dense matrix products whose bits depend on the shapes alone: not on threads, not on the machine's caches.
#pragma once

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"  // GCC bug 105593: _mm512_undefined_ps, inlined into Eigen's kernel
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <Eigen/Core>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#include <algorithm>

#include "../config.hpp"
#include "../core/buffer.hpp"
#include "../core/matrix_view.hpp"
#include "../core/parallel.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// The same matrix with rows and columns exchanged; nothing moves.
template <class T>
constexpr matrix_view<T> transposed(const matrix_view<T>& m) {
  return {m.data, m.columns, m.rows, m.column_stride, m.row_stride};
}

namespace detail {

/// Block sizes of the product. Fixed, where Eigen would ask for the sizes of the caches: the depth block decides the
/// order of the sum. Packed operands of a tile take 160 KiB (float) of stack. Measured on one AVX-512 core: tiles of
/// 32 × 128 to 128 × 256 and depths from 128 to 384 differ by less than 5 %.
template <class T>
struct product_blocks {
  static constexpr index depth = 128;
  static constexpr index rows = 64;
  static constexpr index columns = 1024 / static_cast<index>(sizeof(T));
};

/// Splits `size` into the fewest pieces of at most `largest`, all multiples of `step` but the last.
constexpr index even_piece(index size, index largest, index step) {
  const index pieces = (size + largest - 1) / largest;
  const index piece = (size + pieces - 1) / pieces;
  return std::min(largest, (piece + step - 1) / step * step);
}

/// c += a · b for one tile with row-major c, on the calling thread. Eigen's public product consults a process-wide
/// thread count and allocates its packing buffers; the kernel behind it takes both as arguments.
template <class T, bool ARowMajor, bool BRowMajor>
void product_tile(index rows, index columns, index depth, const T* a, index a_stride, const T* b, index b_stride, T* c,
                  index c_stride) {
  using blocks = product_blocks<T>;
  struct packing : Eigen::internal::level3_blocking<T, T> {
    packing(T* left, T* right, index left_rows, index right_columns, index depth_block) {
      this->m_blockA = left;
      this->m_blockB = right;
      this->m_mc = left_rows;
      this->m_nc = right_columns;
      this->m_kc = depth_block;
    }
  };
  alignas(cache_line) T left[blocks::columns * blocks::depth];
  alignas(cache_line) T right[blocks::rows * blocks::depth];
  packing memory(left, right, columns, rows, even_piece(depth, blocks::depth, 8));
  // A row-major c is the column-major cᵀ = bᵀ aᵀ: the vectors of the kernel run along the rows of c.
  constexpr int b_order = BRowMajor ? Eigen::ColMajor : Eigen::RowMajor;
  constexpr int a_order = ARowMajor ? Eigen::ColMajor : Eigen::RowMajor;
  Eigen::internal::general_matrix_matrix_product<Eigen::Index, T, b_order, false, T, a_order, false, Eigen::ColMajor,
                                                 1>::run(columns, rows, depth, b, b_stride, a, a_stride, c, 1,
                                                         c_stride, T(1), memory, nullptr);
}

template <class T>
void product_tile(const matrix_view<const T>& a, const matrix_view<const T>& b, const matrix_view<T>& c) {
  if (a.columns == 0) return;
  const bool a_rows = a.column_stride == 1, b_rows = b.column_stride == 1;
  const auto run = [&](auto tile) {
    tile(c.rows, c.columns, a.columns, a.data, a_rows ? a.row_stride : a.column_stride, b.data,
         b_rows ? b.row_stride : b.column_stride, c.data, c.row_stride);
  };
  if (a_rows && b_rows) return run(product_tile<T, true, true>);
  if (a_rows) return run(product_tile<T, true, false>);
  if (b_rows) return run(product_tile<T, false, true>);
  return run(product_tile<T, false, false>);
}

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

/// c = initial + a · b, with a of shape m×k, b of k×n, c of m×n.
///
/// a and b are row- or column-major, so `transposed(x)` costs nothing; c is row-major. Without `initial` the sum starts
/// at zero; initial = c accumulates; a row or column stride of 0 broadcasts a bias. c overlaps neither a nor b.
/// c is a fixed grid of tiles, each one single-threaded product: the result is the same for every thread count.
/// @throws argument_error  extents that do not match, strides that Eigen's kernel cannot read
template <class T>
void product(matrix_view<const std::type_identity_t<T>> a, matrix_view<const std::type_identity_t<T>> b,
             matrix_view<T> c, matrix_view<const std::type_identity_t<T>> initial = {}, execution resources = {}) {
  detail::check_product<T>(a, b, c, initial);
  if (c.rows == 0 || c.columns == 0) return;
  using blocks = detail::product_blocks<T>;
  const index tile_rows = detail::even_piece(c.rows, blocks::rows, 4);
  const index tile_columns = detail::even_piece(c.columns, blocks::columns, 16);
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
          std::fill_n(part.row(r), columns, T(0));
        else if (initial.column_stride == 1)
          std::copy_n(&initial(row + r, column), columns, part.row(r));
        else if (initial.column_stride == 0)
          std::fill_n(part.row(r), columns, initial(row + r, 0));
        else
          for (index j = 0; j < columns; ++j) part(r, j) = initial(row + r, column + j);
      }
    detail::product_tile<T>({&a(row, 0), rows, a.columns, a.row_stride, a.column_stride},
                            {&b(0, column), b.rows, columns, b.row_stride, b.column_stride}, part);
  });
}

}  // namespace nn
DISTILL_NAMESPACE_END
