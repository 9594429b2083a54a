#pragma once

#include <algorithm>
#include <cmath>

#include "../../core/sums.hpp"
#include "../../core/sweep.hpp"
#include "../../dense/product.hpp"
#include "../../dense/symmetric.hpp"
#include "../stage.hpp"

DISTILL_NAMESPACE_BEGIN

namespace detail {

/// ‖x_i − x_j‖² = ‖x_i‖² + ‖x_j‖² − 2 ⟨x_i, x_j⟩ comes from one product, but loses what the two norms share: pairs that
/// are closer than this share of ‖x_i‖² + ‖x_j‖² are subtracted directly instead. It bounds the loss to a factor of 16
/// in the square, 4 on the way back.
inline constexpr double close_share = 1.0 / 16;

template <class T>
double direct_square(const T* a, const T* b, index size) {
  return sum_of_batches<T>(
      size,
      [](const simd<T>& x, const simd<T>& y) DISTILL_LAMBDA_INLINE {
        const simd<T> d = x - y;
        return d * d;
      },
      a, b);
}

/// Squared distances between the rows of x, which should lie around the origin; squares of the norms into `squares`.
template <class T>
void squared_distances_between(matrix_view<const T> x, matrix_view<T> out, T* squares, const execution& how) {
  const index n = x.rows;
  symmetric_product(x, out, how);
  for (index i = 0; i < n; ++i) squares[i] = out(i, i);
  for_row_pieces(n, n * n, how, [&](index first, index last) {
    for (index i = first; i < last; ++i)
      sweep<T>(
          n,
          [own = simd<T>(squares[i]), two = simd<T>(T(2)), share = simd<T>(static_cast<T>(close_share)),
           close = simd<T>(T(-1))](const simd<T>& other, simd<T>& g) DISTILL_LAMBDA_INLINE {
            const simd<T> sum = own + other, square = lane<simd<T>>::fma(simd<T>(T(0)) - two, g, sum);
            g = lane<simd<T>>::select(square < share * sum, close, square);  // NaN stays NaN
          },
          static_cast<const T*>(squares), out.row(i));
  });
  for_row_pieces(n, n * n, how, [&](index first, index last) {
    for (index i = first; i < last; ++i) {
      out(i, i) = squares[i] - squares[i];  // NaN where the row has one
      for (index j = 0; j < i; ++j)
        if (out(i, j) < 0) out(i, j) = out(j, i) = static_cast<T>(direct_square(x.row(i), x.row(j), x.columns));
    }
  });
}

/// to_i = Σ_j w_ij (x_i − x_j) for symmetric weights with a zero diagonal.
template <class T>
void weighted_differences(matrix_view<const T> x, matrix_view<const T> weights, matrix_view<T> to,
                          const execution& how) {
  product(weights, x, to, {}, how);
  for_row_pieces(x.rows, x.rows * (x.rows + x.columns), how, [&](index first, index last) {
    for (index i = first; i < last; ++i) {
      const auto total = static_cast<T>(sum<T>(weights.row(i), x.rows));
      sweep<T>(
          x.columns,
          [t = simd<T>(total)](const simd<T>& a, simd<T>& b)
              DISTILL_LAMBDA_INLINE { b = lane<simd<T>>::fma(t, a, simd<T>(T(0)) - b); },
          x.row(i), to.row(i));
    }
  });
}

}  // namespace detail

/// Squared Euclidean distances between the rows: n×d → n×n. Give it rows around the origin (near_origin).
/// Way back: dx_i = 2 Σ_j (g_ij + g_ji)(x_i − x_j).
struct squared_distances {
  static constexpr bool pointwise = false, keeps_input = true, keeps_output = false;

  feature_shape out(const feature_shape& in) const { return {in.rows, in.rows}; }
  index kept(const feature_shape& in) const { return in.rows; }

  template <class T>
  void forward(matrix_view<const T> in, matrix_view<T> out, T* kept, const execution& how) const {
    detail::squared_distances_between(in, out, kept, how);
  }
  template <class T>
  void backward(matrix_view<const T> in, matrix_view<const T>, T*, matrix_view<T> slope, matrix_view<T> to_in,
                const execution& how) const {
    add_transpose(slope, how);
    detail::for_row_pieces(in.rows, in.rows * in.rows, how, [&](index first, index last) {
      for (index i = first; i < last; ++i) {
        detail::add_to(slope.row(i), static_cast<const T*>(slope.row(i)), in.rows);
        slope(i, i) = 0;
      }
    });
    detail::weighted_differences<T>(in, slope, to_in, how);
  }
};

/// Euclidean distances between the rows over their mean: ψ_ij = d_ij/μ, μ the mean of the positive ones. Give it
/// centred rows. Rows that are equal have distance 0, do not count in μ and pull on nothing; without two different rows
/// all is 0. Way back: with h = (g_ij + g_ji − Σ g ψ · 2/n₊)/μ where d_ij > 0, dx_i = Σ_j h_ij (x_i − x_j)/d_ij.
/// Source: Park et al. 2019 (RKD), arXiv 1904.05068, eq. 3 and 4.
struct relative_distances {
  static constexpr bool pointwise = false, keeps_input = true, keeps_output = true;

  feature_shape out(const feature_shape& in) const { return {in.rows, in.rows}; }
  /// squares of the norms, a sum for each row, mean and count; counts of the rows, later the close pairs' gradient
  index kept(const feature_shape& in) const { return 2 * in.rows + 2 + in.size(); }

  template <class T>
  void forward(matrix_view<const T> in, matrix_view<T> out, T* kept, const execution& how) const {
    const index n = in.rows;
    T *const squares = kept, *const sums = kept + n, *const counts = kept + 2 * n + 2;
    detail::squared_distances_between(in, out, squares, how);
    detail::for_row_pieces(n, n * n, how, [&](index first, index last) {
      for (index i = first; i < last; ++i) {
        detail::sweep<T>(
            n, [](simd<T>& d) DISTILL_LAMBDA_INLINE { d = lane<simd<T>>::sqrt(d); }, out.row(i));
        sums[i] = static_cast<T>(detail::sum<T>(out.row(i), n));
        counts[i] = static_cast<T>(detail::sum_of_batches<T>(
            n,
            [one = simd<T>(T(1)), zero = simd<T>(T(0))](const simd<T>& d)
                DISTILL_LAMBDA_INLINE { return lane<simd<T>>::select(d > zero, one, zero); },
            static_cast<const T*>(out.row(i))));
      }
    });
    double total = 0, positive = 0;
    for (index i = 0; i < n; ++i) total += static_cast<double>(sums[i]), positive += static_cast<double>(counts[i]);
    const double mean = positive > 0 ? total / positive : 0;
    kept[2 * n] = static_cast<T>(mean);
    kept[2 * n + 1] = static_cast<T>(positive);
    if (mean == 0) return;
    detail::for_row_pieces(n, n * n, how, [&](index first, index last) {
      for (index i = first; i < last; ++i)
        detail::sweep<T>(
            n, [f = simd<T>(static_cast<T>(1 / mean))](simd<T>& d) DISTILL_LAMBDA_INLINE { d *= f; }, out.row(i));
    });
  }
  template <class T>
  void backward(matrix_view<const T> in, matrix_view<const T> out, T* kept, matrix_view<T> slope, matrix_view<T> to_in,
                const execution& how) const {
    const index n = in.rows;
    const auto mean = static_cast<double>(kept[2 * n]), positive = static_cast<double>(kept[2 * n + 1]);
    if (mean == 0) {
      for (index r = 0; r < n; ++r) detail::fill(to_in.row(r), T(0), in.columns);
      return;
    }
    add_transpose(slope, how);
    T* const sums = kept + n;
    detail::for_row_pieces(n, n * n, how, [&](index first, index last) {
      for (index i = first; i < last; ++i) sums[i] = static_cast<T>(detail::dot<T>(out.row(i), slope.row(i), n));
    });
    double along = 0;
    for (index i = 0; i < n; ++i) along += static_cast<double>(sums[i]);
    const auto pull = static_cast<T>(along / positive);  // of the symmetric slopes: 2 Σ g ψ / n₊
    // Weights (x_i − x_j) with the close pairs taken out: theirs would cancel in the product.
    const T *const squares = kept, close = static_cast<T>(detail::close_share / (mean * mean));
    detail::for_row_pieces(n, n * n, how, [&](index first, index last) {
      for (index i = first; i < last; ++i) {
        detail::sweep<T>(
            n,
            [pull = simd<T>(pull), f = simd<T>(static_cast<T>(1 / (mean * mean))), zero = simd<T>(T(0))](
                const simd<T>& d, simd<T>& g)
                DISTILL_LAMBDA_INLINE { g = lane<simd<T>>::select(d == zero, zero, (g - pull) * f / d); },
            out.row(i), slope.row(i));
        slope(i, i) = 0;
      }
    });
    T* const near = sums;  // how many close pairs a row has
    detail::for_row_pieces(n, n * n, how, [&](index first, index last) {
      for (index i = first; i < last; ++i)
        near[i] = static_cast<T>(detail::sum_of_batches<T>(
            n,
            [own = simd<T>(squares[i]), close = simd<T>(close), one = simd<T>(T(1)), zero = simd<T>(T(0))](
                const simd<T>& d, const simd<T>& other)
                DISTILL_LAMBDA_INLINE { return lane<simd<T>>::select(d * d < close * (own + other), one, zero); },
            out.row(i), squares));
    });
    with_close_pairs(in, out, squares, close, near, kept + 2 * n + 2, slope, to_in, how);
  }

 private:
  template <class T>
  static void with_close_pairs(matrix_view<const T> in, matrix_view<const T> out, const T* squares, T close,
                               const T* near, T* part, matrix_view<T> weights, matrix_view<T> to_in,
                               const execution& how) {
    const index n = in.rows, d = in.columns;
    bool any = false;
    for (index i = 0; i < n; ++i) any = any || near[i] > 1;  // every row is close to itself
    if (!any) return detail::weighted_differences<T>(in, weights, to_in, how);
    // The close pairs' part of each row is kept in the weights' place until the product has used the others.
    const auto is_close = [&](index i, index j) {
      return i != j && out(i, j) * out(i, j) < close * (squares[i] + squares[j]);
    };
    detail::for_row_pieces(n, n * n, how, [&](index first, index last) {
      constexpr index width = 64;
      for (index i = first; i < last; ++i) {
        for (index from = 0; near[i] > 1 && from < d; from += width) {
          const index count = std::min(width, d - from);
          double sum[width] = {};
          for (index j = 0; j < n; ++j) {
            if (!is_close(i, j)) continue;
            const auto w = static_cast<double>(weights(i, j));
            for (index c = 0; c < count; ++c)
              sum[c] += w * (static_cast<double>(in(i, from + c)) - static_cast<double>(in(j, from + c)));
          }
          for (index c = 0; c < count; ++c) part[i * d + from + c] = static_cast<T>(sum[c]);
        }
        for (index j = 0; near[i] > 1 && j < n; ++j)
          if (is_close(i, j)) weights(i, j) = 0;
      }
    });
    detail::weighted_differences<T>(in, weights, to_in, how);
    for (index i = 0; i < n; ++i)
      if (near[i] > 1) detail::add_to(to_in.row(i), static_cast<const T*>(part + i * d), d);
  }
};

DISTILL_NAMESPACE_END
