#pragma once

#include <algorithm>

#include "../../core/sums.hpp"
#include "../../core/sweep.hpp"
#include "../stage.hpp"

DISTILL_NAMESPACE_BEGIN

namespace detail {

/// The pixels that a cell of a coarser map covers: lines [top, bottom), columns [left, right).
struct covered_pixels {
  index top, bottom, left, right;
  double count() const { return static_cast<double>((bottom - top) * (right - left)); }
};

/// Calls f(cell, covered pixels) for high × wide cells. Cell i of an axis covers [⌊i size/cells⌋, ⌈(i + 1)
/// size/cells⌉): neighbours share a pixel where cells does not divide size, and no cell is empty.
template <class F>
void for_each_cell(index height, index width, index high, index wide, const F& f) {
  for (index i = 0; i < high; ++i)
    for (index j = 0; j < wide; ++j)
      f(i * wide + j, covered_pixels{i * height / high, ((i + 1) * height + high - 1) / high, j * width / wide,
                                     ((j + 1) * width + wide - 1) / wide});
}

/// Σ x_i, and Σ (x_i − y_i): in lanes where that is worth it, in double where not.
template <class T>
double sum_of_run(const T* x, index size) {
  if (size >= 2 * lane<simd<T>>::width) return sum<T>(x, size);
  double total = 0;
  for (index i = 0; i < size; ++i) total += static_cast<double>(x[i]);
  return total;
}
template <class T>
double sum_of_differences(const T* x, const T* y, index size) {
  if (size >= 2 * lane<simd<T>>::width)
    return sum_of_batches<T>(
        size, [](const simd<T>& a, const simd<T>& b) DISTILL_LAMBDA_INLINE { return a - b; }, x, y);
  double total = 0;
  for (index i = 0; i < size; ++i) total += static_cast<double>(x[i]) - static_cast<double>(y[i]);
  return total;
}

/// The transpose of averaging over cells: every pixel of a cell receives its share of factor · slope, on top of what
/// `to` holds.
template <class T>
void add_pooled_slopes(const T* slope, index high, index wide, T* to, index height, index width, double factor = 1) {
  for_each_cell(height, width, high, wide, [&](index cell, const covered_pixels& pixels) {
    const auto share = static_cast<T>(static_cast<double>(slope[cell]) * (factor / pixels.count()));
    for (index line = pixels.top; line < pixels.bottom; ++line)
      for (index c = pixels.left; c < pixels.right; ++c) to[line * width + c] += share;
  });
}

/// Columns that are the pixels of a map.
inline void check_map(const char* who, const feature_shape& in) {
  if (in.height < 1 || in.width < 1 || in.height * in.width != in.columns)
    fail(who, ": the columns must be the pixels of a map: ", in.columns, " columns, height is ", in.height,
         ", width is ", in.width);
}

}  // namespace detail

/// Every row, a map of from_height × from_width pixels, averaged over height × width cells; where the two sizes agree
/// it is copied. Cell i of an axis covers [⌊i size/cells⌋, ⌈(i + 1) size/cells⌉). Way back: the transpose.
/// @throws argument_error  columns that are not the pixels of such a map; cells without pixels
/// Source: the adaptive average pooling of PyTorch, with which published objectives bring maps to one size.
struct adaptive_pooling {
  index from_height = 1, from_width = 1;
  index height = 1, width = 1;

  static constexpr bool pointwise = false, keeps_input = false, keeps_output = false;

  feature_shape out(const feature_shape& in) const {
    if (unchanged()) return in;
    detail::check_map("adaptive_pooling", {in.rows, in.columns, from_height, from_width});
    if (height < 1 || width < 1)
      fail("adaptive_pooling: height is ", height, ", width is ", width, ", both must be at least 1");
    return {in.rows, height * width, height, width};
  }
  index kept(const feature_shape&) const { return 0; }

  template <class T>
  void forward(matrix_view<const T> in, matrix_view<T> out, T*, const execution& how) const {
    detail::for_row_pieces(in.rows, in.rows * in.columns, how, [&](index first, index last) {
      for (index r = first; r < last; ++r)
        if (unchanged())
          std::copy_n(in.row(r), in.columns, out.row(r));
        else
          pool(in.row(r), out.row(r));
    });
  }
  template <class T>
  void backward(matrix_view<const T>, matrix_view<const T>, const T*, matrix_view<T> slope, matrix_view<T> to_in,
                const execution& how) const {
    detail::for_row_pieces(to_in.rows, to_in.rows * to_in.columns, how, [&](index first, index last) {
      for (index r = first; r < last; ++r) {
        if (unchanged()) {
          std::copy_n(slope.row(r), slope.columns, to_in.row(r));
          continue;
        }
        detail::fill(to_in.row(r), T(0), to_in.columns);
        detail::add_pooled_slopes<T>(slope.row(r), height, width, to_in.row(r), from_height, from_width);
      }
    });
  }

 private:
  bool unchanged() const { return height == from_height && width == from_width; }
  template <class T>
  void pool(const T* from, T* to) const {
    detail::for_each_cell(from_height, from_width, height, width, [&](index cell, const auto& pixels) {
      double total = 0;
      for (index line = pixels.top; line < pixels.bottom; ++line)
        total += detail::sum_of_run(from + line * from_width + pixels.left, pixels.right - pixels.left);
      to[cell] = static_cast<T>(total / pixels.count());
    });
  }
};

DISTILL_NAMESPACE_END
