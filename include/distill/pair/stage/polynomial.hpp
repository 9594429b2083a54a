#pragma once

#include <array>

#include "../../core/sweep.hpp"
#include "../stage.hpp"

DISTILL_NAMESPACE_BEGIN

/// Σ_p coefficients[p] x^p of every entry.
template <std::size_t N>
struct polynomial {
  std::array<double, N> coefficients;

  static constexpr bool pointwise = true, keeps_input = true, keeps_output = false;

  feature_shape out(const feature_shape& in) const { return in; }
  index kept(const feature_shape&) const { return 0; }

  template <class T>
  void forward(matrix_view<const T> in, matrix_view<T> out, T*, const execution& how) const {
    detail::for_row_pieces(in.rows, in.rows * in.columns, how, [&](index first, index last) {
      for (index r = first; r < last; ++r)
        detail::sweep<T>(
            in.columns,
            [this](const simd<T>& x, simd<T>& y) DISTILL_LAMBDA_INLINE {
              y = simd<T>(static_cast<T>(coefficients[N - 1]));
              for (std::size_t p = N - 1; p-- > 0;)
                y = lane<simd<T>>::fma(y, x, simd<T>(static_cast<T>(coefficients[p])));
            },
            in.row(r), out.row(r));
    });
  }
  template <class T>
  void backward(matrix_view<const T> in, matrix_view<const T>, T*, matrix_view<T> slope, matrix_view<T> to_in,
                const execution& how) const {
    detail::for_row_pieces(in.rows, in.rows * in.columns, how, [&](index first, index last) {
      for (index r = first; r < last; ++r)
        detail::sweep<T>(
            in.columns,
            [this](const simd<T>& x, const simd<T>& g, simd<T>& to) DISTILL_LAMBDA_INLINE {
              simd<T> d(T(0));
              for (std::size_t p = N - 1; p > 0; --p)
                d = lane<simd<T>>::fma(d, x, simd<T>(static_cast<T>(static_cast<double>(p) * coefficients[p])));
              to = d * g;
            },
            in.row(r), static_cast<const T*>(slope.row(r)), to_in.row(r));
    });
  }
};

DISTILL_NAMESPACE_END
