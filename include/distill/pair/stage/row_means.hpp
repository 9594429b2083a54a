#pragma once

#include "../../core/sums.hpp"
#include "../../core/sweep.hpp"
#include "../stage.hpp"

DISTILL_NAMESPACE_BEGIN

/// The mean of every row: C×P → C×1, a map pooled to one number a channel. Way back: dx = g/P.
struct row_means {
  static constexpr bool pointwise = false, keeps_input = false, keeps_output = false;

  feature_shape out(const feature_shape& in) const { return {in.rows, 1}; }
  index kept(const feature_shape&) const { return 0; }

  template <class T>
  void forward(matrix_view<const T> in, matrix_view<T> out, T*, const execution& how) const {
    detail::for_row_pieces(in.rows, in.rows * in.columns, how, [&](index first, index last) {
      for (index r = first; r < last; ++r)
        out(r, 0) = static_cast<T>(detail::sum<T>(in.row(r), in.columns) / static_cast<double>(in.columns));
    });
  }
  template <class T>
  void backward(matrix_view<const T> in, matrix_view<const T>, const T*, matrix_view<T> slope, matrix_view<T> to_in,
                const execution& how) const {
    detail::for_row_pieces(in.rows, in.rows * in.columns, how, [&](index first, index last) {
      for (index r = first; r < last; ++r)
        detail::fill(to_in.row(r), slope(r, 0) / static_cast<T>(in.columns), in.columns);
    });
  }
};

DISTILL_NAMESPACE_END
