#pragma once

#include "../../core/sums.hpp"
#include "../../core/sweep.hpp"
#include "../stage.hpp"

DISTILL_NAMESPACE_BEGIN

/// Every row at length 1: y = x / (‖x‖ + added); a row of zeros stays as it is, and gets no gradient.
/// Way back: dx = (g − y ⟨y, g⟩ n/‖x‖)/n,  n = ‖x‖ + added. Norms neither overflow nor underflow.
struct unit_rows {
  double added = 0;

  static constexpr bool pointwise = true, keeps_input = false, keeps_output = true;

  feature_shape out(const feature_shape& in) const { return in; }
  index kept(const feature_shape& in) const { return in.rows; }

  template <class T>
  void forward(matrix_view<const T> in, matrix_view<T> out, T* norms, const execution& how) const {
    detail::for_row_pieces(in.rows, in.rows * in.columns, how, [&](index first, index last) {
      for (index r = first; r < last; ++r) {
        const double norm = detail::norm<T>(in.row(r), in.columns);
        norms[r] = static_cast<T>(norm);
        detail::resize_to<T>(in.row(r), in.columns, norm == 0 ? 0 : 1, norm + added, out.row(r));
      }
    });
  }
  template <class T>
  void backward(matrix_view<const T>, matrix_view<const T> out, const T* norms, matrix_view<T> slope,
                matrix_view<T> to_in, const execution& how) const {
    detail::for_row_pieces(out.rows, out.rows * out.columns, how, [&](index first, index last) {
      for (index r = first; r < last; ++r) {
        const double norm = static_cast<double>(norms[r]), divisor = norm + added;
        if (norm == 0) {
          detail::fill(to_in.row(r), T(0), out.columns);
          continue;
        }
        const double along = detail::dot<T>(out.row(r), slope.row(r), out.columns) * (divisor / norm);
        detail::sweep<T>(
            out.columns,
            [a = simd<T>(static_cast<T>(along)), n = simd<T>(static_cast<T>(1 / divisor))](
                const simd<T>& y, const simd<T>& g, simd<T>& x) DISTILL_LAMBDA_INLINE { x = (g - a * y) * n; },
            out.row(r), static_cast<const T*>(slope.row(r)), to_in.row(r));
      }
    });
  }
};

DISTILL_NAMESPACE_END
