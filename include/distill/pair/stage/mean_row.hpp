#pragma once

#include "../../core/sweep.hpp"
#include "../stage.hpp"

DISTILL_NAMESPACE_BEGIN

/// The mean of all rows: n×d → 1×d. Way back: a share of it to every row.
struct mean_row {
  static constexpr bool pointwise = false, keeps_input = false, keeps_output = false;

  feature_shape out(const feature_shape& in) const { return {1, in.columns}; }
  index kept(const feature_shape&) const { return 0; }

  template <class T>
  void forward(matrix_view<const T> in, matrix_view<T> out, T*, const execution& how) const {
    detail::for_column_runs(in.rows, in.columns, how, [&](index first, index count) {
      double sum[detail::column_run] = {};
      for (index r = 0; r < in.rows; ++r)
        for (index c = 0; c < count; ++c) sum[c] += static_cast<double>(in(r, first + c));
      for (index c = 0; c < count; ++c) out(0, first + c) = static_cast<T>(sum[c] / static_cast<double>(in.rows));
    });
  }
  template <class T>
  void backward(matrix_view<const T>, matrix_view<const T>, const T*, matrix_view<T> slope, matrix_view<T> to_in,
                const execution& how) const {
    const auto share = static_cast<T>(1 / static_cast<double>(to_in.rows));
    detail::for_row_pieces(to_in.rows, to_in.rows * to_in.columns, how, [&](index first, index last) {
      for (index r = first; r < last; ++r)
        detail::sweep<T>(
            to_in.columns, [s = simd<T>(share)](const simd<T>& g, simd<T>& to) DISTILL_LAMBDA_INLINE { to = s * g; },
            static_cast<const T*>(slope.row(0)), to_in.row(r));
    });
  }
};

DISTILL_NAMESPACE_END
