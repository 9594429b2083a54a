// One tile of a product of dual numbers: three products of real ones.
#pragma once

#include <algorithm>

#include "../../config.hpp"
#include "../../core/buffer.hpp"
#include "../../core/dual.hpp"
#include "../../core/matrix_view.hpp"
#include "product_tile.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// The output of real products is cut as if for them.
template <class T>
struct micro_block<dual<T>> : micro_block<T> {};

/// c = initial + factor · a · b on the calling thread; c row-major, a and b of any strides.
/// (A + ε A′)(B + ε B′) = A B + ε (A′ B + A B′). The values of an array of duals are a matrix whose strides are twice
/// as long, and so are the slopes: a and b are read where they lie, only c goes through planes of its own.
template <class T>
void product_tile(const matrix_view<const dual<T>>& a, const matrix_view<const dual<T>>& b,
                  const matrix_view<dual<T>>& c, const matrix_view<const dual<T>>& initial, dual<T> factor) {
  constexpr index side = 64;
  alignas(cache_line) T values[side * side], slopes[side * side];
  const auto values_of = [](const matrix_view<const dual<T>>& m) {
    return matrix_view<const T>(&m.data->value, m.rows, m.columns, 2 * m.row_stride, 2 * m.column_stride);
  };
  const auto slopes_of = [](const matrix_view<const dual<T>>& m) {
    return matrix_view<const T>(&m.data->slope, m.rows, m.columns, 2 * m.row_stride, 2 * m.column_stride);
  };
  for (index row = 0; row < c.rows; row += side)
    for (index column = 0; column < c.columns; column += side) {
      const index rows = std::min(side, c.rows - row), columns = std::min(side, c.columns - column);
      const matrix_view<T> value(values, rows, columns), slope(slopes, rows, columns);
      std::fill_n(values, rows * columns, T(0));
      std::fill_n(slopes, rows * columns, T(0));
      if (a.columns > 0) {
        const matrix_view<const dual<T>> left = block_of(a, row, rows, 0, a.columns);
        const matrix_view<const dual<T>> right = block_of(b, 0, b.rows, column, columns);
        product_tile<T>(values_of(left), values_of(right), value, {}, T(1));
        product_tile<T>(slopes_of(left), values_of(right), slope, {}, T(1));
        product_tile<T>(values_of(left), slopes_of(right), slope, slope, T(1));
      }
      for (index r = 0; r < rows; ++r)
        for (index j = 0; j < columns; ++j) {
          const dual<T> start = initial ? initial(row + r, column + j) : dual<T>();
          c(row + r, column + j) = start + factor * dual<T>(value(r, j), slope(r, j));
        }
    }
}

}  // namespace detail
DISTILL_NAMESPACE_END
