#pragma once

#include <cmath>

#include "../../core/math.hpp"
#include "../../core/sums.hpp"
#include "../../core/sweep.hpp"
#include "../stage.hpp"

DISTILL_NAMESPACE_BEGIN

/// Σ_{q < kernels} exp(−d 2^{⌊kernels/2⌋}/(β 2^q)) of squared distances d: Gaussians of widths around β. β is given, or
/// the mean of the distances off the diagonal; then it counts as a constant on the way back. Points that all coincide
/// have kernel `kernels` and no gradient.
/// Source: Long et al. 2015 (DAN), arXiv 1502.02791, as coded with five kernels around the mean.
struct gaussian_scales {
  int kernels = 5;
  double width = 0;  ///< β; 0: the mean

  static constexpr bool pointwise = true, keeps_input = true, keeps_output = false;

  feature_shape out(const feature_shape& in) const {
    if (kernels < 1 || kernels > 10) fail("gaussian_scales: kernels is ", kernels, ", must be between 1 and 10");
    if (!(width >= 0)) fail("gaussian_scales: width is ", width, ", must be positive, or 0 for the mean");
    return in;
  }
  index kept(const feature_shape&) const { return 1; }

  template <class T>
  void forward(matrix_view<const T> in, matrix_view<T> out, T* rate, const execution& how) const {
    double mean = width;
    if (width == 0) {
      for (index r = 0; r < in.rows; ++r) mean += detail::sum<T>(in.row(r), in.columns);
      mean /= std::max(1.0, static_cast<double>(in.rows) * static_cast<double>(in.rows - 1));
    }
    rate[0] = static_cast<T>(mean > 0 ? std::ldexp(1.0, kernels / 2) / mean : mean == 0 ? 0 : mean);
    each(in, how, [&](index r, const auto& powers) {
      detail::sweep<T>(
          in.columns,
          [&](const simd<T>& d, simd<T>& k) DISTILL_LAMBDA_INLINE {
            k = simd<T>(T(0));
            powers(d, simd<T>(rate[0]),
                   [&](const simd<T>& power, const simd<T>&) DISTILL_LAMBDA_INLINE { k += power; });
          },
          in.row(r), out.row(r));
    });
  }
  template <class T>
  void backward(matrix_view<const T> in, matrix_view<const T>, T* rate, matrix_view<T> slope, matrix_view<T> to_in,
                const execution& how) const {
    each(in, how, [&](index r, const auto& powers) {
      detail::sweep<T>(
          in.columns,
          [&](const simd<T>& d, const simd<T>& g, simd<T>& to) DISTILL_LAMBDA_INLINE {
            simd<T> steep(T(0));
            powers(d, simd<T>(rate[0]), [&](const simd<T>& power, const simd<T>& own_rate) DISTILL_LAMBDA_INLINE {
              steep += power * own_rate;
            });
            to = simd<T>(T(0)) - steep * g;
          },
          in.row(r), static_cast<const T*>(slope.row(r)), to_in.row(r));
    });
  }

 private:
  /// f(row, powers) for every row; powers(d, rate, add) calls add(exp(−d rate/2^q), rate/2^q) for every q.
  template <class T, class F>
  void each(matrix_view<const T> in, const execution& how, const F& f) const {
    const auto powers = [this](const simd<T>& d, simd<T> rate, auto&& add) DISTILL_LAMBDA_INLINE {
      for (int q = 0; q < kernels; ++q, rate *= simd<T>(T(0.5))) add(exp_nonpositive(simd<T>(T(0)) - d * rate), rate);
    };
    detail::for_row_pieces(in.rows, in.rows * in.columns, how, [&](index first, index last) {
      for (index r = first; r < last; ++r) f(r, powers);
    });
  }
};

DISTILL_NAMESPACE_END
