#pragma once

#include <array>
#include <cmath>

#include "../../core/sweep.hpp"
#include "../stage.hpp"
#include "adaptive_pooling.hpp"

DISTILL_NAMESPACE_BEGIN

/// Every row, a map, and beside it the means over 4×4, 2×2 and 1×1 cells, those levels that are lower than the map.
/// Each part is scaled so that the mean squared difference of two such rows is the weighted mean of the levels' own mean
/// squared differences, with weights 1, ½, ¼, ⅛ in the order of the levels that there are, over their sum.
/// Way back: the transpose.
/// @throws argument_error  columns that are not the pixels of a height × width map
/// Source: Chen et al. 2021 (ReviewKD), arXiv 2104.09044, §3.3, as coded (hcl).
struct pooling_pyramid {
  index height = 1, width = 1;

  static constexpr bool pointwise = false, keeps_input = false, keeps_output = false;

  feature_shape out(const feature_shape& in) const {
    detail::check_map("pooling_pyramid", {in.rows, in.columns, height, width});
    index columns = in.columns;
    for (const index side : sides)
      if (side < height) columns += side * side;
    return {in.rows, columns};
  }
  index kept(const feature_shape&) const { return 0; }

  template <class T>
  void forward(matrix_view<const T> in, matrix_view<T> out, T*, const execution& how) const {
    detail::for_row_pieces(in.rows, in.rows * in.columns, how, [&](index first, index last) {
      for (index r = first; r < last; ++r)
        each_level(out.columns, [&](index at, index side, double factor) {
          if (side == 0)
            scaled<T>(in.row(r), factor, out.row(r));
          else
            detail::pool_map(in.row(r), height, width, out.row(r) + at, side, side, factor);
        });
    });
  }
  template <class T>
  void backward(matrix_view<const T>, matrix_view<const T> out, const T*, matrix_view<T> slope, matrix_view<T> to_in,
                const execution& how) const {
    detail::for_row_pieces(to_in.rows, to_in.rows * to_in.columns, how, [&](index first, index last) {
      for (index r = first; r < last; ++r)
        each_level(out.columns, [&](index at, index side, double factor) {
          if (side == 0)
            scaled<T>(slope.row(r), factor, to_in.row(r));
          else
            detail::add_pooled_slopes<T>(slope.row(r) + at, side, side, to_in.row(r), height, width, factor);
        });
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
  template <class T>
  void scaled(const T* from, double factor, T* to) const {
    detail::sweep<T>(
        height * width,
        [f = simd<T>(static_cast<T>(factor))](const simd<T>& x, simd<T>& y) DISTILL_LAMBDA_INLINE { y = f * x; }, from,
        to);
  }
};

DISTILL_NAMESPACE_END
