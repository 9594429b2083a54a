// Exponentials of a row over their sum, and the way back.
#pragma once

#include <algorithm>
#include <limits>

#include "../../config.hpp"
#include "../../core/math.hpp"
#include "../../core/sums.hpp"
#include "../../core/sweep.hpp"
#include "pieces.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn::detail {

/// The largest of `size` numbers; −inf of none. NaN may be passed over.
template <class T>
DISTILL_INLINE T largest_of(const T* x, index size) {
  constexpr index width = lane<simd<T>>::width;
  const T nothing = -std::numeric_limits<T>::infinity();
  simd<T> most(nothing);
  index i = 0;
  for (; i + width <= size; i += width) most = lane<simd<T>>::max(most, simd<T>::load_unaligned(x + i));
  if (i < size) most = lane<simd<T>>::max(most, distill::detail::load_partial<T>(x + i, size - i, nothing));
  return distill::detail::reduce_max<T>(most);
}

/// What exponentials were taken relative to, and their sum.
template <class T>
struct exponentials {
  T largest;
  wide<T> sum;
};

/// y_j = e^(x_j − max x). y may be x. Where every x is −inf, y and the sum are 0.
template <class T>
DISTILL_INLINE exponentials<T> shifted_exponentials(const T* x, index size, T* y) {
  T most = largest_of(x, size);
  if (!(-std::numeric_limits<T>::infinity() < most)) most = T(0);
  distill::detail::sweep<T>(
      size, [m = simd<T>(most)](simd<T>& to, const simd<T>& v) DISTILL_LAMBDA_INLINE { to = exp_nonpositive(v - m); },
      y, x);
  return {most, distill::detail::sum(static_cast<const T*>(y), size)};
}

/// y = softmax(x); of −inf only: 0. y may be x.
template <class T>
DISTILL_INLINE void softmax_row(const T* x, index size, T* y) {
  const wide<T> sum = shifted_exponentials(x, size, y).sum;
  if (sum == 0) return;
  distill::detail::sweep<T>(
      size, [f = simd<T>(static_cast<T>(wide<T>(1) / sum))](simd<T>& to) DISTILL_LAMBDA_INLINE { to = to * f; }, y);
}

/// dx = factor · y ⊙ (dy − ⟨y, dy⟩), or dx += that. dx may be dy.
template <class T>
DISTILL_INLINE void softmax_row_back(const T* y, const T* dy, index size, T factor, T* dx, bool add) {
  const simd<T> mean(static_cast<T>(distill::detail::dot(y, dy, size))), f(factor);
  write_or_add(
      size, add, [&](const simd<T>& p, const simd<T>& g) DISTILL_LAMBDA_INLINE { return f * p * (g - mean); }, dx, y,
      dy);
}

}  // namespace nn::detail
DISTILL_NAMESPACE_END
