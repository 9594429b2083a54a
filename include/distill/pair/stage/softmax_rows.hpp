#pragma once

#include <algorithm>
#include <cmath>

#include "../../core/math.hpp"
#include "../../core/sums.hpp"
#include "../../core/sweep.hpp"
#include "../stage.hpp"

DISTILL_NAMESPACE_BEGIN

/// softmax(x/T) of every row; −inf is a masked entry with no mass. A row without any finite entry becomes NaN.
/// Way back: dx = p (h − ⟨p, h⟩)/T with h = g − g at the most probable entry, which in a row that is nearly sure of it
/// is what ⟨p, h⟩ leaves of ⟨p, g⟩.
struct softmax_rows {
  double temperature = 1;

  static constexpr bool pointwise = true, keeps_input = false, keeps_output = true;

  feature_shape out(const feature_shape& in) const {
    if (!(temperature > 0 && std::isfinite(temperature)))
      fail("softmax_rows: temperature is ", temperature, ", must be positive and finite");
    return in;
  }
  index kept(const feature_shape&) const { return 0; }

  template <class T>
  void forward(matrix_view<const T> in, matrix_view<T> out, T*, const execution& how) const {
    detail::for_row_pieces(in.rows, in.rows * in.columns, how, [&](index first, index last) {
      for (index r = first; r < last; ++r) {
        T top = in(r, 0);
        for (index c = 1; c < in.columns; ++c) top = in(r, c) > top || std::isnan(in(r, c)) ? in(r, c) : top;
        const simd<T> scale(static_cast<T>(1 / temperature)), most(top);
        detail::sweep<T>(
            in.columns, [&](const simd<T>& x, simd<T>& y) DISTILL_LAMBDA_INLINE { y = exp_scaled(x - most, scale); },
            in.row(r), out.row(r));
        const double mass = detail::sum<T>(out.row(r), in.columns);
        detail::sweep<T>(
            in.columns, [f = simd<T>(static_cast<T>(1 / mass))](simd<T>& y) DISTILL_LAMBDA_INLINE { y *= f; },
            out.row(r));
      }
    });
  }
  template <class T>
  void backward(matrix_view<const T>, matrix_view<const T> out, T*, matrix_view<T> slope, matrix_view<T> to_in,
                const execution& how) const {
    detail::for_row_pieces(out.rows, out.rows * out.columns, how, [&](index first, index last) {
      for (index r = first; r < last; ++r) {
        const T* const p = out.row(r);
        const simd<T> top(slope(r, std::max_element(p, p + out.columns) - p));
        const double along = detail::sum_of_batches<T>(
            out.columns, [&](const simd<T>& mass, const simd<T>& g) DISTILL_LAMBDA_INLINE { return mass * (g - top); },
            p, static_cast<const T*>(slope.row(r)));
        detail::sweep<T>(
            out.columns,
            [&, a = simd<T>(static_cast<T>(along)), f = simd<T>(static_cast<T>(1 / temperature))](
                const simd<T>& mass, const simd<T>& g, simd<T>& to)
                DISTILL_LAMBDA_INLINE { to = mass * ((g - top) - a) * f; },
            p, static_cast<const T*>(slope.row(r)), to_in.row(r));
      }
    });
  }
};

DISTILL_NAMESPACE_END
