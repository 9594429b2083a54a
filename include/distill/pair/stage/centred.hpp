#pragma once

#include <algorithm>

#include "../../core/sums.hpp"
#include "../../core/sweep.hpp"
#include "../../dense/symmetric.hpp"
#include "../stage.hpp"

DISTILL_NAMESPACE_BEGIN

namespace detail {

/// to = from − means of the columns, added up in double in one order. `from` may be `to`, and have any strides. A
/// column's first number is subtracted before anything else: a constant column becomes exactly 0, a large common part
/// does not round.
template <class T>
void subtract_column_means(matrix_view<const T> from, matrix_view<T> to, const execution& how) {
  for_column_runs(from.rows, from.columns, how, [&](index first, index count) {
    T base[column_run];
    double mean[column_run] = {};
    for (index c = 0; c < count; ++c) base[c] = from(0, first + c);
    for (index r = 0; r < from.rows; ++r)
      for (index c = 0; c < count; ++c) mean[c] += static_cast<double>(from(r, first + c) - base[c]);
    for (index c = 0; c < count; ++c) mean[c] /= static_cast<double>(from.rows);
    for (index r = 0; r < from.rows; ++r)
      for (index c = 0; c < count; ++c)
        to(r, first + c) = static_cast<T>(static_cast<double>(from(r, first + c) - base[c]) - mean[c]);
  });
}

}  // namespace detail

/// The mean of every column taken off: X − 1 x̄ᵀ. Its own transpose, so the way back is the same.
struct centred_columns {
  static constexpr bool pointwise = true, keeps_input = false, keeps_output = false;

  feature_shape out(const feature_shape& in) const { return in; }
  index kept(const feature_shape&) const { return 0; }

  template <class T>
  void forward(matrix_view<const T> in, matrix_view<T> out, T*, const execution& how) const {
    detail::subtract_column_means(in, out, how);
  }
  template <class T>
  void backward(matrix_view<const T>, matrix_view<const T>, const T*, matrix_view<T> slope, matrix_view<T> to_in,
                const execution& how) const {
    detail::subtract_column_means<T>(slope, to_in, how);
  }
};

/// How a kernel matrix is centred; `none` where its features already are and the estimate may be biased.
enum class kernel_centring { none, biased, unbiased };

/// A symmetric n×n matrix with the means of its rows and columns taken off: H K H, H = I − 11ᵀ/n. Or U-centred, for
/// unbiased estimates (n >= 3): off the diagonal K_ij − m_i − m_j with m_i = (Σ_j K_ij − S)/(n − 2),
/// S = ΣK/(2(n − 1)), sums without the diagonal; 0 on it.
/// Both are symmetric projections, so the way back is the same, on the symmetric part of the slopes. Source: Song et
/// al. 2012, JMLR 13; Székely and Rizzo 2014, arXiv 1310.2926 (U-centring).
struct centred_kernel {
  kernel_centring kind = kernel_centring::biased;

  static constexpr bool pointwise = true, keeps_input = false, keeps_output = false;

  feature_shape out(const feature_shape& in) const {
    if (in.rows != in.columns) fail("centred_kernel: the matrix is ", in.rows, "×", in.columns, ", must be square");
    return in;
  }
  index kept(const feature_shape& in) const { return 2 * in.rows; }

  template <class T>
  void forward(matrix_view<const T> in, matrix_view<T> out, T* kept, const execution& how) const {
    centre(in, 1, out, kept, how);
  }
  template <class T>
  void backward(matrix_view<const T>, matrix_view<const T>, T* kept, matrix_view<T> slope, matrix_view<T> to_in,
                const execution& how) const {
    if (kind != kernel_centring::none) add_transpose(slope, how);
    centre<T>(slope, 0.5, to_in, kept, how);
  }

 private:
  template <class T>
  void centre(matrix_view<const T> in, double factor, matrix_view<T> out, T* offsets, const execution& how) const {
    const index n = in.rows;
    if (kind == kernel_centring::none) {
      for (index r = 0; r < n && in.data != out.data; ++r) std::copy_n(in.row(r), n, out.row(r));
      return;
    }
    const bool unbiased = kind == kernel_centring::unbiased;
    const auto size = static_cast<double>(n);
    // An offset in two parts of T: what it rounds off must not show in a row's sum.
    T* const rest = offsets + n;
    detail::for_row_pieces(n, n * n, how, [&](index first, index last) {
      for (index r = first; r < last; ++r) {
        double sum = detail::sum<T>(in.row(r), n);
        if (unbiased) sum -= static_cast<double>(in(r, r));
        keep(sum, offsets[r], rest[r]);
      }
    });
    double total = 0;
    for (index r = 0; r < n; ++r) total += kept_value(offsets[r], rest[r]);
    for (index r = 0; r < n; ++r) {
      const double sum = kept_value(offsets[r], rest[r]);
      keep(unbiased ? (n > 2 ? (sum - total / (2 * (size - 1))) / (size - 2) : 0)
                    : sum / size - total / (2 * size * size),
           offsets[r], rest[r]);
    }
    detail::for_row_pieces(n, n * n, how, [&](index first, index last) {
      for (index r = first; r < last; ++r) {
        detail::sweep<T>(
            n,
            [a = simd<T>(offsets[r]), b = simd<T>(rest[r]), f = simd<T>(static_cast<T>(factor))](
                const simd<T>& k, const simd<T>& m, const simd<T>& e, simd<T>& to)
                DISTILL_LAMBDA_INLINE { to = f * (((k - a) - m) - (b + e)); },
            in.row(r), static_cast<const T*>(offsets), static_cast<const T*>(rest), out.row(r));
        if (unbiased) out(r, r) = 0;
      }
    });
  }
  template <class T>
  static void keep(double value, T& high, T& low) {
    high = static_cast<T>(value);
    low = static_cast<T>(value - static_cast<double>(high));
  }
  template <class T>
  static double kept_value(T high, T low) {
    return static_cast<double>(high) + static_cast<double>(low);
  }
};

DISTILL_NAMESPACE_END
