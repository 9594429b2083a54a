// The transpose of a block of numbers.
#pragma once

#include "../config.hpp"
#include "matrix_view.hpp"
#include "simd.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// to[c][r] = from[r][c]; `from` has `rows` rows. The strides are those between lines.
template <class T>
void transpose(const T* from, index from_stride, index rows, index columns, T* to, index to_stride) {
  index r = 0;
  for (; r + 4 <= rows; r += 4) {
    index c = 0;
    for (; c + 4 <= columns; c += 4)
      transpose_4x4(from + r * from_stride + c, from_stride, to + c * to_stride + r, to_stride);
    for (; c < columns; ++c)
      for (index i = r; i < r + 4; ++i) to[c * to_stride + i] = from[i * from_stride + c];
  }
  for (; r < rows; ++r)
    for (index c = 0; c < columns; ++c) to[c * to_stride + r] = from[r * from_stride + c];
}

}  // namespace detail
DISTILL_NAMESPACE_END
