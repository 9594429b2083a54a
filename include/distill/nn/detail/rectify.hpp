// What a rectified linear unit lets through.
#pragma once

#include "../../config.hpp"
#include "../../core/sweep.hpp"
#include "pieces.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn::detail {

/// `value` where the condition is above 0 or NaN, 0 elsewhere: NaN is not ≤ 0, so it passes.
template <class V>
DISTILL_INLINE V rectified(const V& condition, const V& value) {
  using number = lane_scalar<V>;
  return lane<V>::select(condition <= V(number(0)), V(number(0)), value);
}

/// to = (or +=) rectified(condition, value), element by element.
template <class T>
void rectify(index size, const T* condition, const T* value, T* to, bool accumulate = false) {
  write_or_add(
      size, accumulate,
      [](const simd<T>& c, const simd<T>& v) DISTILL_LAMBDA_INLINE { return rectified<simd<T>>(c, v); }, to, condition,
      value);
}
/// to = max(x, 0); both may be the same.
template <class T>
void rectify(index size, const T* x, T* to) {
  distill::detail::sweep<T>(
      size, [](simd<T>& out, const simd<T>& v) DISTILL_LAMBDA_INLINE { out = rectified<simd<T>>(v, v); }, to, x);
}

}  // namespace nn::detail
DISTILL_NAMESPACE_END
