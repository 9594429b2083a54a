#pragma once

#include <algorithm>

#include "../../core/sums.hpp"
#include "../../core/sweep.hpp"
#include "../stage.hpp"

DISTILL_NAMESPACE_BEGIN

namespace detail {

/// Cell i of `cells` along an axis of `size` pixels covers [⌊i size/cells⌋, ⌈(i + 1) size/cells⌉): neighbours share a
/// pixel where cells does not divide size, and no cell is empty.
struct pooled_pixels {
  index first, last;

  pooled_pixels(index i, index cells, index size)
      : first(i * size / cells), last(((i + 1) * size + cells - 1) / cells) {}
  index count() const { return last - first; }
};

/// Means over the cells of one map; times `factor`.
template <class T>
void pool_map(const T* in, index height, index width, T* out, index cells_high, index cells_wide, double factor = 1) {
  for (index i = 0; i < cells_high; ++i) {
    const pooled_pixels y(i, cells_high, height);
    for (index j = 0; j < cells_wide; ++j) {
      const pooled_pixels x(j, cells_wide, width);
      double total = 0;
      for (index line = y.first; line < y.last; ++line) {
        const T* const from = in + line * width + x.first;
        if (x.count() >= 2 * lane<simd<T>>::width)
          total += sum<T>(from, x.count());
        else
          for (index c = 0; c < x.count(); ++c) total += static_cast<double>(from[c]);
      }
      out[i * cells_wide + j] = static_cast<T>(total * (factor / static_cast<double>(y.count() * x.count())));
    }
  }
}

/// The transpose: every pixel of a cell receives its share of the cell's slope, on top of what `to` holds.
template <class T>
void add_pooled_slopes(const T* slope, index cells_high, index cells_wide, T* to, index height, index width,
                       double factor = 1) {
  for (index i = 0; i < cells_high; ++i) {
    const pooled_pixels y(i, cells_high, height);
    for (index j = 0; j < cells_wide; ++j) {
      const pooled_pixels x(j, cells_wide, width);
      const auto share = static_cast<T>(static_cast<double>(slope[i * cells_wide + j]) *
                                        (factor / static_cast<double>(y.count() * x.count())));
      for (index line = y.first; line < y.last; ++line)
        for (index c = x.first; c < x.last; ++c) to[line * width + c] += share;
    }
  }
}

/// Columns that are the pixels of a map.
inline void check_map(const char* who, const feature_shape& in) {
  if (in.height < 1 || in.width < 1 || in.height * in.width != in.columns)
    fail(who, ": the columns must be the pixels of a map: ", in.columns, " columns, height is ", in.height,
         ", width is ", in.width);
}

}  // namespace detail

/// Every row, a map of from_height × from_width pixels, averaged over height × width cells; where the two sizes agree it
/// is copied. Cell i of an axis covers [⌊i size/cells⌋, ⌈(i + 1) size/cells⌉). Way back: the transpose.
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
          detail::pool_map(in.row(r), from_height, from_width, out.row(r), height, width);
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
};

DISTILL_NAMESPACE_END
