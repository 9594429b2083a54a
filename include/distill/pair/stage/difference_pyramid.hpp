#pragma once

#include <array>
#include <cmath>

#include "../../core/sweep.hpp"
#include "../stage.hpp"
#include "adaptive_pooling.hpp"

DISTILL_NAMESPACE_BEGIN

/// The maps of two networks, the first half of the rows and the second, become one: their difference, and beside it the
/// means of the difference over 4×4, 2×2 and 1×1 cells, those levels that are lower than the map. 2C×P → C×N.
/// Each part is scaled so that the mean square of a row is the weighted mean of the parts' own mean squares, with
/// weights 1, ½, ¼, ⅛ in the order of the parts that there are, over their sum. Pooling the difference rather than the
/// maps keeps its digits where the maps share an offset. Way back: the transpose.
/// @throws argument_error  columns that are not the pixels of a height × width map; an odd number of rows
/// Source: Chen et al. 2021 (ReviewKD), arXiv 2104.09044, as coded (hcl).
struct difference_pyramid {
  index height = 1, width = 1;

  static constexpr bool pointwise = false, keeps_input = false, keeps_output = false;

  feature_shape out(const feature_shape& in) const {
    detail::check_map("difference_pyramid", {in.rows, in.columns, height, width});
    if (in.rows % 2 != 0) fail("difference_pyramid: ", in.rows, " rows, an even number expected");
    index columns = in.columns;
    for (const index side : sides)
      if (side < height) columns += side * side;
    return {in.rows / 2, columns};
  }
  index kept(const feature_shape&) const { return 0; }

  template <class T>
  void forward(matrix_view<const T> in, matrix_view<T> out, T*, const execution& how) const {
    detail::for_row_pieces(out.rows, in.rows * in.columns, how, [&](index first, index last) {
      for (index r = first; r < last; ++r) {
        const T *const x = in.row(r), *const y = in.row(r + out.rows);
        each_level(out.columns, [&](index at, index side, double factor) {
          T* const to = out.row(r) + at;
          if (side > 0)
            return detail::for_each_cell(height, width, side, side, [&](index cell, const auto& pixels) {
              double total = 0;
              for (index line = pixels.top; line < pixels.bottom; ++line)
                total += detail::sum_of_differences(x + line * width + pixels.left, y + line * width + pixels.left,
                                                    pixels.right - pixels.left);
              to[cell] = static_cast<T>(factor * total / pixels.count());
            });
          detail::sweep<T>(
              height * width,
              [f = simd<T>(static_cast<T>(factor))](const simd<T>& a, const simd<T>& b, simd<T>& d)
                  DISTILL_LAMBDA_INLINE { d = f * (a - b); },
              x, y, to);
        });
      }
    });
  }
  template <class T>
  void backward(matrix_view<const T>, matrix_view<const T> out, const T*, matrix_view<T> slope, matrix_view<T> to_in,
                const execution& how) const {
    detail::for_row_pieces(out.rows, to_in.rows * to_in.columns, how, [&](index first, index last) {
      for (index r = first; r < last; ++r) {
        T *const to_x = to_in.row(r), *const to_y = to_in.row(r + out.rows);
        each_level(out.columns, [&](index at, index side, double factor) {
          const T* const g = slope.row(r) + at;
          if (side > 0) return detail::add_pooled_slopes<T>(g, side, side, to_x, height, width, factor);
          detail::sweep<T>(
              height * width,
              [f = simd<T>(static_cast<T>(factor))](const simd<T>& from, simd<T>& to)
                  DISTILL_LAMBDA_INLINE { to = f * from; },
              g, to_x);
        });
        detail::sweep<T>(
            height * width,
            [zero = simd<T>(T(0))](const simd<T>& a, simd<T>& b) DISTILL_LAMBDA_INLINE { b = zero - a; },
            static_cast<const T*>(to_x), to_y);
      }
    });
  }

 private:
  static constexpr std::array<index, 3> sides{4, 2, 1};

  /// Calls f(first column, cells a side or 0 for the map itself, factor).
  template <class F>
  void each_level(index columns, const F& f) const {
    double total = 1, weight = 1;
    for (const index side : sides)
      if (side < height) weight /= 2, total += weight;
    const auto factor = [&](double of_level, index size) {
      return std::sqrt(of_level / total * static_cast<double>(columns) / static_cast<double>(size));
    };
    index at = height * width;
    f(index{0}, index{0}, factor(1, at));
    weight = 1;
    for (const index side : sides)
      if (side < height) {
        weight /= 2;
        f(at, side, factor(weight, side * side));
        at += side * side;
      }
  }
};

DISTILL_NAMESPACE_END
