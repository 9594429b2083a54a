// The hyperbolic tangent.
#pragma once

#include "../config.hpp"
#include "../core/math.hpp"
#include "detail/elementwise.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

namespace detail {

struct tanh_formula {
  /// With q = e^(−2|x|) − 1: |tanh x| = −q/(2 + q), which has full relative accuracy near 0.
  template <class V>
  DISTILL_HD DISTILL_INLINE static V value(V x) {
    using T = lane_scalar<V>;
    const V zero(T(0)), two(T(2)), q = expm1_nonpositive(zero - two * lane<V>::abs(x)), size = (zero - q) / (two + q);
    return lane<V>::select(x < zero, zero - size, size);
  }
  /// 1 − tanh² x = 4 e/(1 + e)², e = e^(−2|x|)
  template <class V>
  DISTILL_HD DISTILL_INLINE static V slope(V x) {
    using T = lane_scalar<V>;
    const V one(T(1)), e = exp_nonpositive(V(T(-2)) * lane<V>::abs(x)), whole = one + e;
    return V(T(4)) * e / (whole * whole);
  }
};

}  // namespace detail

/// y = tanh x, element-wise, any shape; dx = dy (1 − y²), from x, so that it keeps its relative accuracy where |y| is
/// near 1. y 5 ULP, the slope 6 ULP.
template <class T>
class tanh : public detail::elementwise_layer<T, detail::tanh_formula> {
 public:
  tanh() : detail::elementwise_layer<T, detail::tanh_formula>("tanh") {}
};

}  // namespace nn
DISTILL_NAMESPACE_END
