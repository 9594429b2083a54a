// Every row of x less every row of y: what the differences add up to, and weighted sums of them. Nothing but the two
// sets of rows is ever stored; tiles of either result are held in registers.
//
// Differences are formed entry by entry, never from a product: rows that are near, or far from the origin, cost no
// digits. An entry of a result is added up in one order, whatever tile it falls into.
#pragma once

#include <algorithm>
#include <utility>

#include "../../config.hpp"
#include "../../core/matrix_view.hpp"
#include "../../core/parallel.hpp"
#include "../../core/simd.hpp"
#include "../../core/transpose.hpp"
#include "../../core/unroll.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// Σ |d|, and Σ w sign(d) with sign(0) = 0.
struct absolute_difference {
  template <class V>
  DISTILL_INLINE static V add(const V& sum, const V& d) {
    return sum + lane<V>::abs(d);
  }
  template <class V>
  DISTILL_INLINE static V add_weighted(const V& sum, const V& w, const V& x, const V& y) {
    return lane<V>::select(x > y, sum + w, lane<V>::select(x < y, sum - w, sum));
  }
};

/// Σ d², and Σ w d.
struct squared_difference {
  template <class V>
  DISTILL_INLINE static V add(const V& sum, const V& d) {
    return lane<V>::fma(d, d, sum);
  }
  template <class V>
  DISTILL_INLINE static V add_weighted(const V& sum, const V& w, const V& x, const V& y) {
    return lane<V>::fma(w, x - y, sum);
  }
};

/// Terms that are added up one after the other in T; such sums are then added to each other.
inline constexpr index difference_run = 64;
/// The first `count` numbers at `to`, a batch at most: (+)= factor · v
template <class T>
DISTILL_INLINE void store_or_add(T* to, index count, const simd<T>& factor, const simd<T>& v, bool add) {
  if (count >= lane<simd<T>>::width)
    (add ? lane<simd<T>>::fma(factor, v, simd<T>::load_unaligned(to)) : factor * v).store_unaligned(to);
  else
    store_partial<T>(to, count, add ? lane<simd<T>>::fma(factor, v, load_partial<T>(to, count, T(0))) : factor * v);
}

/// Two batches of rows of y, entry by entry: one panel.
template <class T>
inline constexpr index panel_width = 2 * lane<simd<T>>::width;

template <class T>
index packed_size(index rows, index columns) {
  return (rows + panel_width<T> - 1) / panel_width<T> * panel_width<T> * columns;
}

/// Column c of a panel's rows lies at panel + c · panel_width; what is beyond the last row reads as 0.
template <class T>
void pack_rows(matrix_view<const T> y, T* packed, const execution& how) {
  constexpr index width = panel_width<T>;
  for_row_pieces((y.rows + width - 1) / width, y.rows * y.columns, how, [&](index first, index last) {
    for (index p = first; p < last; ++p) {
      T* const panel = packed + p * width * y.columns;
      const index rows = std::min(width, y.rows - p * width);
      if (rows < width) std::fill_n(panel, width * y.columns, T(0));
      transpose(y.row(p * width), y.row_stride, rows, y.columns, panel, width);
    }
  });
}

/// to_rj (+)= Σ_c of a run of Rows rows against one panel.
template <class T, class Difference, index Rows>
DISTILL_INLINE void difference_tile(const T* x, index x_stride, const T* panel, index run, bool add, T* to,
                                    index to_stride, index columns) {
  constexpr index width = lane<simd<T>>::width;
  simd<T> sum[2 * Rows];
  unroll<2 * Rows>([&](auto k) DISTILL_LAMBDA_INLINE { sum[k] = simd<T>(T(0)); });
  for (index c = 0; c < run; ++c, panel += 2 * width) {
    const simd<T> left = simd<T>::load_aligned(panel), right = simd<T>::load_aligned(panel + width);
    unroll<Rows>([&](auto r) DISTILL_LAMBDA_INLINE {
      const simd<T> own(x[r * x_stride + c]);
      sum[2 * r] = Difference::add(sum[2 * r], own - left);
      sum[2 * r + 1] = Difference::add(sum[2 * r + 1], own - right);
    });
  }
  unroll<Rows>([&](auto r) DISTILL_LAMBDA_INLINE {
    T* const at = to + r * to_stride;
    store_or_add<T>(at, columns, simd<T>(T(1)), sum[2 * r], add);
    if (columns > width) store_or_add<T>(at + width, columns - width, simd<T>(T(1)), sum[2 * r + 1], add);
  });
}

/// out_ij = Σ_c Difference(x_ic − y_jc) for rows [first, last) of x.
template <class Difference, class T>
void sum_differences(matrix_view<const T> x, const T* packed, matrix_view<T> out, index first, index last) {
  constexpr index rows = 6, width = panel_width<T>;
  for (index c = 0; c < x.columns || c == 0; c += difference_run) {
    const index run = std::min(difference_run, x.columns - c);
    for (index j = 0; j < out.columns; j += width) {
      const T* const panel = packed + j * x.columns + c * width;
      const index columns = std::min(width, out.columns - j);
      index i = first;
      const auto tile = [&](auto fixed) DISTILL_LAMBDA_INLINE {
        constexpr index n = decltype(fixed)::value;
        for (; i + n <= last; i += n)
          difference_tile<T, Difference, n>(x.row(i) + c, x.row_stride, panel, run, c > 0, out.row(i) + j,
                                            out.row_stride, columns);
      };
      tile(std::integral_constant<index, rows>());
      tile(std::integral_constant<index, 2>());
      tile(std::integral_constant<index, 1>());
    }
  }
}

/// to_c (+)= factor · Σ_j of a run of weights and rows of y, for Rows rows of x and Batches batches of columns.
template <class T, class Difference, index Rows, index Batches>
DISTILL_INLINE void weighted_tile(const matrix_view<const T>& x, const T* y, const matrix_view<const T>& weights,
                                  const T* factors, bool add, const matrix_view<T>& to) {
  constexpr index width = lane<simd<T>>::width;
  simd<T> sum[Rows * Batches], own[Rows * Batches];
  unroll<Rows * Batches>([&](auto k) DISTILL_LAMBDA_INLINE {
    constexpr index r = k / Batches, c = k % Batches * width;
    const index count = x.columns - c;
    own[k] = count >= width ? simd<T>::load_unaligned(x.row(r) + c) : load_partial<T>(x.row(r) + c, count, T(0));
    sum[k] = simd<T>(T(0));
  });
  for (index j = 0; j < weights.columns; ++j, y += panel_width<T>) {
    simd<T> other[Batches];
    unroll<Batches>([&](auto v) DISTILL_LAMBDA_INLINE { other[v] = simd<T>::load_aligned(y + v * width); });
    unroll<Rows>([&](auto r) DISTILL_LAMBDA_INLINE {
      const simd<T> w(weights(r, j));
      unroll<Batches>([&](auto v) DISTILL_LAMBDA_INLINE {
        constexpr index k = r * Batches + v;
        sum[k] = Difference::add_weighted(sum[k], w, own[k], other[v]);
      });
    });
  }
  unroll<Rows * Batches>([&](auto k) DISTILL_LAMBDA_INLINE {
    constexpr index r = k / Batches, c = k % Batches * width;
    store_or_add<T>(to.row(r) + c, x.columns - c, simd<T>(factors[r]), sum[k], add);
  });
}

/// to_i (+)= factors_i Σ_j weights_ij Difference'(x_i − y_j) for rows [first, last) of x.
template <class Difference, class T>
void add_weighted_differences(matrix_view<const T> x, matrix_view<const T> y, matrix_view<const T> weights,
                              const T* factors, bool add, matrix_view<T> to, index first, index last) {
  constexpr index rows = 4, width = lane<simd<T>>::width;
  alignas(cache_line) T others[difference_run * 2 * width];  // of y, wherever its rows lie on each other's cache lines
  for (index j = 0; j < y.rows || j == 0; j += difference_run) {
    const index run = std::min(difference_run, y.rows - j);
    for (index c = 0; c < x.columns; c += 2 * width) {
      const index columns = std::min(2 * width, x.columns - c);
      for (index k = 0; k < run; ++k) {
        T* const line = others + k * 2 * width;
        std::fill(std::copy_n(y.row(j + k) + c, columns, line), line + 2 * width, T(0));
      }
      index i = first;
      const auto tile = [&](auto fixed_rows, auto fixed_batches) DISTILL_LAMBDA_INLINE {
        constexpr index n = decltype(fixed_rows)::value;
        for (; i + n <= last; i += n)
          weighted_tile<T, Difference, n, decltype(fixed_batches)::value>(
              {x.row(i) + c, n, columns, x.row_stride}, others,
              {&weights(i, j), n, run, weights.row_stride, weights.column_stride}, factors + i, add || j > 0,
              {to.row(i) + c, n, columns, to.row_stride});
      };
      const auto all = [&](auto batches) DISTILL_LAMBDA_INLINE {
        tile(std::integral_constant<index, rows>(), batches);
        tile(std::integral_constant<index, 1>(), batches);
      };
      if (columns > width)
        all(std::integral_constant<index, 2>());
      else
        all(std::integral_constant<index, 1>());
    }
  }
}

}  // namespace detail
DISTILL_NAMESPACE_END
