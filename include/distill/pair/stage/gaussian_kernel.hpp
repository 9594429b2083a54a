#pragma once

#include <algorithm>
#include <cmath>

#include "../../core/math.hpp"
#include "../../core/sweep.hpp"
#include "../stage.hpp"

DISTILL_NAMESPACE_BEGIN

/// exp(−d/(2 σ²)) of squared distances d. σ is given, or follows the data: σ² = median_share² · median of all n²
/// squared distances, the zeros of the diagonal among them; then it counts as a constant on the way back. Points that
/// all coincide have kernel 1. Source: Kornblith et al. 2019, arXiv 1905.00414, §2.1 (median heuristic).
struct gaussian_kernel {
  double width = 0;         ///< σ; 0: from the median
  double median_share = 1;  ///< σ as a share of the root of the median

  static constexpr bool pointwise = true, keeps_input = false, keeps_output = true;

  feature_shape out(const feature_shape& in) const {
    if (!(width >= 0)) fail("gaussian_kernel: width is ", width, ", must be positive, or 0 for the median");
    if (!(median_share > 0)) fail("gaussian_kernel: median_share is ", median_share, ", must be positive");
    return in;
  }
  index kept(const feature_shape& in) const { return 1 + (width > 0 ? 0 : in.size()); }

  template <class T>
  void forward(matrix_view<const T> in, matrix_view<T> out, T* kept, const execution& how) const {
    const double variance = width > 0 ? width * width : median_share * median_share * median(in, kept + 1);
    kept[0] = static_cast<T>(variance > 0 ? 1 / (2 * variance) : 0);
    detail::for_row_pieces(in.rows, in.rows * in.columns, how, [&](index first, index last) {
      for (index r = first; r < last; ++r)
        detail::sweep<T>(
            in.columns,
            [rate = simd<T>(kept[0])](const simd<T>& d, simd<T>& k)
                DISTILL_LAMBDA_INLINE { k = exp_nonpositive(simd<T>(T(0)) - rate * d); },
            in.row(r), out.row(r));
    });
  }
  template <class T>
  void backward(matrix_view<const T>, matrix_view<const T> out, T* kept, matrix_view<T> slope, matrix_view<T> to_in,
                const execution& how) const {
    detail::for_row_pieces(out.rows, out.rows * out.columns, how, [&](index first, index last) {
      for (index r = first; r < last; ++r)
        detail::sweep<T>(
            out.columns,
            [rate = simd<T>(kept[0])](const simd<T>& k, const simd<T>& g, simd<T>& to)
                DISTILL_LAMBDA_INLINE { to = simd<T>(T(0)) - rate * k * g; },
            out.row(r), static_cast<const T*>(slope.row(r)), to_in.row(r));
    });
  }

 private:
  template <class T>
  static double median(matrix_view<const T> m, T* copy) {
    for (index r = 0; r < m.rows; ++r) std::copy_n(m.row(r), m.columns, copy + r * m.columns);
    const index size = m.rows * m.columns;
    if (size == 0) return 0;
    for (index i = 0; i < size; ++i)
      if (std::isnan(copy[i])) return static_cast<double>(copy[i]);
    T* const middle = copy + size / 2;
    std::nth_element(copy, middle, copy + size);
    const auto upper = static_cast<double>(*middle);
    return size % 2 ? upper : (upper + static_cast<double>(*std::max_element(copy, middle))) / 2;
  }
};

DISTILL_NAMESPACE_END
