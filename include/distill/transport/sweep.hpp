// One pass over a cost matrix: exponentials row by row, their sums along the row, and, once the row's weight is known
// from that, their weighted sums down the columns.
#pragma once

#include <algorithm>

#include "../config.hpp"
#include "../core/math.hpp"
#include "../core/parallel.hpp"
#include "../core/simd.hpp"
#include "workspace.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// m rounded up to whole batches: rows of exponentials and everything beside them are this long.
template <class T>
constexpr index transport_stride(index m) {
  constexpr index width = lane<simd<T>>::width;
  return (m + width - 1) / width * width;
}

/// Calls f(j, cost batch at j) for all of a row of m; what lies beyond its end reads as 0.
template <class T, class F>
DISTILL_INLINE void each_cost(const T* cost, index m, F&& f) {
  constexpr index width = lane<simd<T>>::width;
  index j = 0;
  for (; j + width <= m; j += width) f(j, simd<T>::load_unaligned(cost + j));
  if (j < m) f(j, load_partial<T>(cost + j, m - j, T(0)));
}

/// max_j (g_j − C_j); g is −inf beyond the end and where there is no mass.
template <class T>
T highest_exponent(const T* g, const T* cost, index m) {
  simd<T> top(-std::numeric_limits<T>::infinity());
  each_cost(cost, m, [&](index j, const simd<T>& c) DISTILL_LAMBDA_INLINE {
    top = lane<simd<T>>::max(top, simd<T>::load_aligned(g + j) - c);
  });
  return reduce_max<T>(top);
}

/// to_j = e^((g_j − C_j + f) · scale), each of them at most e⁶⁰; their sum.
template <class T>
DISTILL_INLINE double exponentials_of(const T* g, const T* cost, index m, T f, T scale, T* to) {
  constexpr index width = lane<simd<T>>::width, run = 64 * width;
  const simd<T> offset(f), by(scale);
  double total = 0;
  for (index begin = 0; begin < m; begin += run) {
    simd<T> part(T(0));
    each_cost(cost + begin, std::min(run, m - begin), [&](index j, const simd<T>& c) DISTILL_LAMBDA_INLINE {
      const simd<T> e = exp_scaled((simd<T>::load_aligned(g + begin + j) - c) + offset, by);
      e.store_aligned(to + begin + j);
      part += e;
    });
    total += reduce_sum<T>(part);
  }
  return total;
}

/// columns_j += Σ_r weight_r rows_rj over `count` <= transport_rows rows of `stride` numbers.
template <class T>
void add_weighted_rows(const T* rows, index count, index stride, const T* weight, T* columns) {
  constexpr index width = lane<simd<T>>::width;
  const auto pass = [&](auto fixed) DISTILL_LAMBDA_INLINE {
    constexpr index n = decltype(fixed)::value;
    for (index j = 0; j < stride; j += width) {
      simd<T> sum = simd<T>::load_aligned(columns + j);
      for (index r = 0; r < n; ++r)
        sum = lane<simd<T>>::fma(simd<T>(weight[r]), simd<T>::load_aligned(rows + r * stride + j), sum);
      sum.store_aligned(columns + j);
    }
  };
  if (count == transport_rows) return pass(std::integral_constant<index, transport_rows>());
  for (index r = 0; r < count; ++r, rows += stride, ++weight) pass(std::integral_constant<index, 1>());
}

/// No more threads than a pass over n × m entries is worth.
inline int transport_threads(index n, index m, const execution& how) {
  constexpr index worth_a_thread = 1 << 17;  // entries: 40 µs, twice what it takes to start one
  return static_cast<int>(std::min<index>(how.count(), std::max<index>(1, n * m / worth_a_thread)));
}

/// Calls rows(first, count, exponentials, columns) for groups of at most transport_rows of the n rows of a problem:
/// room for 2 · transport_rows rows of transport_stride(m), and the place where they are to be summed down the columns.
/// The sums of all come to `totals`, unless it is null. Chunks of rows are summed by themselves: nothing depends on the
/// number of threads.
template <class T, class Rows>
void for_row_groups(index n, index m, transport_workspace<T>& workspace, const execution& how, double* totals,
                    const Rows& rows) {
  const index stride = transport_stride<T>(m), chunks = (n + transport_chunk - 1) / transport_chunk;
  const int threads = transport_threads(n, m, how);
  workspace.reserve_threads(threads);
  T* const columns = workspace.columns.reserve(chunks * stride);
  parallel_for(chunks, threads, [&](index chunk, int thread) {
    T* const mine = columns + chunk * stride;
    std::fill_n(mine, stride, T(0));
    T* const room = workspace.exponentials[static_cast<std::size_t>(thread)].reserve(2 * transport_rows * stride);
    const index end = std::min(n, (chunk + 1) * transport_chunk);
    for (index first = chunk * transport_chunk; first < end; first += transport_rows)
      rows(first, std::min(transport_rows, end - first), room, mine);
  });
  if (!totals) return;
  std::fill_n(totals, m, 0.0);
  for (index chunk = 0; chunk < chunks; ++chunk)
    for (index j = 0; j < m; ++j) totals[j] += static_cast<double>(columns[chunk * stride + j]);
}

}  // namespace detail
DISTILL_NAMESPACE_END
