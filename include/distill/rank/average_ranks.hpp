// The ranks of a row's numbers, as statistics has them.
#pragma once

#include <algorithm>
#include <limits>

#include "../config.hpp"
#include "../core/sums.hpp"
#include "rank_scratch.hpp"

DISTILL_NAMESPACE_BEGIN

namespace detail {

/// Whether a number of the row is NaN, or reaches `limit`.
template <class T>
bool any_beyond(const T* x, index n, T limit) {
  return sum_of_batches<T>(
             n,
             [most = simd<T>(limit), zero = simd<T>(T(0)), one = simd<T>(T(1))](const simd<T>& v)
                 DISTILL_LAMBDA_INLINE { return lane<simd<T>>::select(v < most, zero, one); },
             x) > 0;
}

}  // namespace detail

/// Ascending ranks of a row: 1 for the smallest of n numbers, n for the largest; equal numbers, −inf and +inf among
/// them, share the mean of their places. They add up to n(n + 1)/2. A row with a NaN has NaN for ranks.
/// @param ranks  n numbers, may be x
/// @returns how many different numbers there are; 0 where there is a NaN
template <class T>
index average_rank_row(const T* x, index n, T* ranks, const rank_scratch<T>& scratch) {
  bool nan = false;
  for (index i = 0; i < n; ++i) nan |= x[i] != x[i];
  if (nan) {
    std::fill_n(ranks, n, std::numeric_limits<T>::quiet_NaN());
    return 0;
  }
  sort_descending(x, n, scratch.sorted, scratch.spare);
  index different = 0;
  for (index begin = 0, end = 0; begin < n; begin = end, ++different) {
    while (++end < n && scratch.sorted[end].value == scratch.sorted[begin].value) {
    }
    const auto rank = static_cast<T>(static_cast<double>(n) - static_cast<double>(begin + end - 1) / 2);
    for (index k = begin; k < end; ++k) ranks[scratch.sorted[k].column] = rank;
  }
  return different;
}

DISTILL_NAMESPACE_END
