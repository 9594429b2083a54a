#pragma once

#include "../../core/sums.hpp"
#include "../../core/sweep.hpp"
#include "../stage.hpp"

DISTILL_NAMESPACE_BEGIN

/// Every entry's share of its row: p_ij = (x_ij + added)/Σ_j (x_ij + added); a row whose sum is not positive becomes 0
/// and gets no gradient. Way back: dx = (g − ⟨g, p⟩)/Σ.
struct row_shares {
  double added = 0;

  static constexpr bool pointwise = true, keeps_input = false, keeps_output = true;

  feature_shape out(const feature_shape& in) const { return in; }
  index kept(const feature_shape& in) const { return in.rows; }

  template <class T>
  void forward(matrix_view<const T> in, matrix_view<T> out, T* inverse, const execution& how) const {
    detail::for_row_pieces(in.rows, in.rows * in.columns, how, [&](index first, index last) {
      for (index r = first; r < last; ++r) {
        const double sum = detail::sum<T>(in.row(r), in.columns) + added * static_cast<double>(in.columns);
        inverse[r] = static_cast<T>(sum <= 0 ? 0 : 1 / sum);
        detail::sweep<T>(
            in.columns,
            [a = simd<T>(static_cast<T>(added)), f = simd<T>(inverse[r])](const simd<T>& x, simd<T>& y)
                DISTILL_LAMBDA_INLINE { y = (x + a) * f; },
            in.row(r), out.row(r));
      }
    });
  }
  template <class T>
  void backward(matrix_view<const T>, matrix_view<const T> out, T* inverse, matrix_view<T> slope, matrix_view<T> to_in,
                const execution& how) const {
    detail::for_row_pieces(out.rows, out.rows * out.columns, how, [&](index first, index last) {
      for (index r = first; r < last; ++r) {
        const double along = detail::dot<T>(out.row(r), slope.row(r), out.columns);
        detail::sweep<T>(
            out.columns,
            [a = simd<T>(static_cast<T>(along)), f = simd<T>(inverse[r])](const simd<T>& g, simd<T>& to)
                DISTILL_LAMBDA_INLINE { to = (g - a) * f; },
            static_cast<const T*>(slope.row(r)), to_in.row(r));
      }
    });
  }
};

DISTILL_NAMESPACE_END
