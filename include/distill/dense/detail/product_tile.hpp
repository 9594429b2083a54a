// One tile of a matrix product: the only place that knows Eigen's kernel.
#pragma once

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"  // GCC bug 105593: its AVX-512 intrinsics, inlined into Eigen's kernel
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <Eigen/Core>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#include <algorithm>

#include "../../config.hpp"
#include "../../core/buffer.hpp"
#include "../../core/matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// Block sizes of the product. Fixed, where Eigen would ask for the sizes of the caches: the depth block decides the
/// order of the sum; depths from 128 to 384 make no difference in time. Large tiles are 5 to 10 % faster (AVX-512), but
/// would leave a small batch nothing to share between threads. The packed operands of a tile take 96 KiB (float) of
/// stack, of a large one 192 KiB.
template <class T>
struct product_blocks {
  static constexpr index depth = 128;
  static constexpr index largest_rows = 128;
  static constexpr index largest_columns = 1024 / static_cast<index>(sizeof(T));

  index rows, columns;

  /// For an output of the given extents.
  constexpr product_blocks(index output_rows, index output_columns)
      : rows(output_rows >= 512 ? largest_rows : largest_rows / 2),
        columns(output_columns >= 512 ? largest_columns : largest_columns / 2) {}
};

/// Splits `size` into the fewest pieces of at most `largest`, all multiples of `step` but the last.
constexpr index even_piece(index size, index largest, index step) {
  const index pieces = (size + largest - 1) / largest;
  const index piece = (size + pieces - 1) / pieces;
  return std::min(largest, (piece + step - 1) / step * step);
}

/// c += factor · a · b for one tile with row-major c, on the calling thread. Eigen's public product consults a
/// process-wide thread count and allocates its packing buffers; the kernel behind it takes both as arguments.
template <class T, bool ARowMajor, bool BRowMajor>
void product_tile(index rows, index columns, index depth, const T* a, index a_stride, const T* b, index b_stride, T* c,
                  index c_stride, T factor) {
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
  alignas(cache_line) T left[blocks::largest_columns * blocks::depth];
  alignas(cache_line) T right[blocks::largest_rows * blocks::depth];
  packing memory(left, right, columns, rows, even_piece(depth, blocks::depth, 8));
  // A row-major c is the column-major cᵀ = bᵀ aᵀ: the vectors of the kernel run along the rows of c.
  constexpr int b_order = BRowMajor ? Eigen::ColMajor : Eigen::RowMajor;
  constexpr int a_order = ARowMajor ? Eigen::ColMajor : Eigen::RowMajor;
  Eigen::internal::general_matrix_matrix_product<Eigen::Index, T, b_order, false, T, a_order, false, Eigen::ColMajor,
                                                 1>::run(columns, rows, depth, b, b_stride, a, a_stride, c, 1, c_stride,
                                                         factor, memory, nullptr);
}

template <class T>
void product_tile(const matrix_view<const T>& a, const matrix_view<const T>& b, const matrix_view<T>& c,
                  T factor = T(1)) {
  const bool a_rows = a.column_stride == 1, b_rows = b.column_stride == 1;
  const auto run = [&](auto tile) {
    tile(c.rows, c.columns, a.columns, a.data, a_rows ? a.row_stride : a.column_stride, b.data,
         b_rows ? b.row_stride : b.column_stride, c.data, c.row_stride, factor);
  };
  if (a_rows && b_rows) return run(product_tile<T, true, true>);
  if (a_rows) return run(product_tile<T, true, false>);
  if (b_rows) return run(product_tile<T, false, true>);
  return run(product_tile<T, false, false>);
}

}  // namespace detail
DISTILL_NAMESPACE_END
