#pragma once

#include "../../core/sweep.hpp"
#include "../../row/parameter.hpp"
#include "../stage.hpp"

DISTILL_NAMESPACE_BEGIN

/// max(x, margin), one margin for all rows or one a row. Way back: dx = g where x > margin, 0 elsewhere. NaN stays NaN.
/// @throws argument_error  as many margins as there are rows, or one, expected
struct clamped_below {
  row_parameter margins = 0;

  static constexpr bool pointwise = true, keeps_input = false, keeps_output = true;

  feature_shape out(const feature_shape& in) const {
    margins.require_rows("margins", in.rows);
    return in;
  }
  index kept(const feature_shape&) const { return 0; }

  template <class T>
  void forward(matrix_view<const T> in, matrix_view<T> out, T*, const execution& how) const {
    detail::for_row_pieces(in.rows, in.rows * in.columns, how, [&](index first, index last) {
      for (index r = first; r < last; ++r)
        detail::sweep<T>(
            in.columns,
            [m = margin<T>(r)](const simd<T>& x, simd<T>& y)
                DISTILL_LAMBDA_INLINE { y = lane<simd<T>>::select(x < m, m, x); },
            in.row(r), out.row(r));
    });
  }
  template <class T>
  void backward(matrix_view<const T>, matrix_view<const T> out, const T*, matrix_view<T> slope, matrix_view<T> to_in,
                const execution& how) const {
    detail::for_row_pieces(out.rows, out.rows * out.columns, how, [&](index first, index last) {
      for (index r = first; r < last; ++r)
        detail::sweep<T>(
            out.columns,
            [m = margin<T>(r), zero = simd<T>(T(0))](const simd<T>& y, const simd<T>& g, simd<T>& to)
                DISTILL_LAMBDA_INLINE { to = lane<simd<T>>::select(y == m, zero, g); },
            out.row(r), static_cast<const T*>(slope.row(r)), to_in.row(r));
    });
  }

 private:
  template <class T>
  simd<T> margin(index row) const {
    return simd<T>(static_cast<T>(margins[row]));
  }
};

DISTILL_NAMESPACE_END
