// Sums over an array, in lanes, with the lanes' sums added in double.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "../config.hpp"
#include "matrix_view.hpp"
#include "simd.hpp"
#include "sweep.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// Σ f(batches of each array) over [0, size), f linear or even in absent elements: what lies beyond the end reads as 0
/// and f(0, …) must be 0. Lanes are emptied into double every 64 batches: the error is that of a few additions in T.
template <class T, class F>
DISTILL_INLINE wide<T> sum_of_batches(index size, F&& f, const auto*... arrays) {
  constexpr index width = lane<simd<T>>::width, run = 64 * width;
  wide<T> total = 0;
  index i = 0;
  while (size - i >= width) {
    const index end = i + std::min(run, (size - i) / width * width);
    simd<T> first(T(0)), second(T(0));
    for (; i + 2 * width <= end; i += 2 * width) {
      first += f(simd<T>::load_unaligned(arrays + i)...);
      second += f(simd<T>::load_unaligned(arrays + i + width)...);
    }
    if (i < end) {
      first += f(simd<T>::load_unaligned(arrays + i)...);
      i = end;
    }
    total += reduce_sum<T>(first + second);
  }
  if (const index rest = size - i; rest > 0) total += reduce_sum<T>(f(load_partial<T>(arrays + i, rest, T(0))...));
  return total;
}

/// Σ a_i
template <class T>
wide<T> sum(const T* a, index size) {
  return sum_of_batches<T>(
      size, [](const simd<T>& x) DISTILL_LAMBDA_INLINE { return x; }, a);
}
/// Σ a_i b_i
template <class T>
wide<T> dot(const T* a, const T* b, index size) {
  return sum_of_batches<T>(
      size, [](const simd<T>& x, const simd<T>& y) DISTILL_LAMBDA_INLINE { return x * y; }, a, b);
}
/// √Σ a_i², also where a square leaves T's range.
template <class T>
wide<T> norm(const T* a, index size) {
  using std::abs, std::isinf, std::isnan, std::sqrt;
  using number = wide<T>;
  const number squares = dot(a, a, size);
  constexpr bool single = sizeof(lane_scalar<T>) == 4;
  constexpr double least = single ? 1e-30 : 1e-280, most = single ? 1e36 : 1e300;
  if (squares > least && squares < most) return sqrt(squares);
  number largest = 0, sum = 0;
  for (index i = 0; i < size; ++i) {
    const number x = abs(static_cast<number>(a[i]));
    if (isnan(x)) return x;
    largest = std::max(largest, x);
  }
  if (largest == 0 || isinf(largest)) return largest;
  for (index i = 0; i < size; ++i) {
    const number x = static_cast<number>(a[i]) / largest;
    sum += x * x;
  }
  return largest * sqrt(sum);
}

/// to = x · length/norm, norm that of x or a little more: x at another length. 0 where x is; no factor over- or
/// underflows.
template <class T>
void resize_to(const T* x, index size, wide<T> length, wide<T> norm, T* to) {
  using std::isnormal;
  if (const auto factor = static_cast<T>(length / norm); isnormal(factor))
    sweep<T>(
        size, [f = simd<T>(factor)](const simd<T>& from, simd<T>& y) DISTILL_LAMBDA_INLINE { y = f * from; }, x, to);
  else  // norm zero, hardly more, NaN, infinite; or length zero
    for (index i = 0; i < size; ++i)
      to[i] = norm == 0 || length == 0 ? T(0) : static_cast<T>(static_cast<wide<T>>(x[i]) / norm * length);
}

}  // namespace detail
DISTILL_NAMESPACE_END
