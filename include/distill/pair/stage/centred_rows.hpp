#pragma once

#include "../../core/sums.hpp"
#include "../../core/sweep.hpp"
#include "../stage.hpp"

DISTILL_NAMESPACE_BEGIN

/// The mean of every row taken off. Its own transpose, so the way back is the same.
struct centred_rows {
  static constexpr bool pointwise = true, keeps_input = false, keeps_output = false;

  feature_shape out(const feature_shape& in) const { return in; }
  index kept(const feature_shape&) const { return 0; }

  template <class T>
  void forward(matrix_view<const T> in, matrix_view<T> out, T*, const execution& how) const {
    detail::for_row_pieces(in.rows, in.rows * in.columns, how, [&](index first, index last) {
      for (index r = first; r < last; ++r) {
        // What the first subtraction leaves of the mean, because T cannot hold it, goes with the second.
        const T* from = in.row(r);
        for (int turn = 0; turn < 2; ++turn, from = out.row(r)) {
          const double mean = detail::sum<T>(from, in.columns) / static_cast<double>(in.columns);
          detail::sweep<T>(
              in.columns,
              [m = simd<T>(static_cast<T>(mean))](const simd<T>& x, simd<T>& y) DISTILL_LAMBDA_INLINE { y = x - m; },
              from, out.row(r));
        }
      }
    });
  }
  template <class T>
  void backward(matrix_view<const T>, matrix_view<const T>, T* kept, matrix_view<T> slope, matrix_view<T> to_in,
                const execution& how) const {
    forward<T>(slope, to_in, kept, how);
  }
};

DISTILL_NAMESPACE_END
