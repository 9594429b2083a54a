// The logistic function.
#pragma once

#include "../config.hpp"
#include "../core/math.hpp"
#include "detail/elementwise.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

namespace detail {

struct sigmoid_formula {
  /// With e = e^−|x|: 1/(1 + e) on the right, e/(1 + e) on the left.
  template <class V>
  DISTILL_HD DISTILL_INLINE static V value(V x) {
    using T = lane_scalar<V>;
    const V one(T(1)), zero(T(0)), e = exp_nonpositive(zero - lane<V>::abs(x));
    return lane<V>::select(x < zero, e, one) / (one + e);
  }
  /// σ(x) σ(−x) = e/(1 + e)², with no 1 − σ, which would lose what is small.
  template <class V>
  DISTILL_HD DISTILL_INLINE static V slope(V x) {
    using T = lane_scalar<V>;
    const V one(T(1)), e = exp_nonpositive(V(T(0)) - lane<V>::abs(x)), whole = one + e;
    return e / (whole * whole);
  }
};

}  // namespace detail

/// y = 1/(1 + e^−x), element-wise, any shape; dx = dy · y (1 − y), from x, so that it keeps its relative accuracy where
/// y is near 1. 0 below −87.3 (float), −708.3 (double). y 4 ULP, the slope 6 ULP.
template <class T>
class sigmoid : public detail::elementwise_layer<T, detail::sigmoid_formula> {
 public:
  sigmoid() : detail::elementwise_layer<T, detail::sigmoid_formula>("sigmoid") {}
};

}  // namespace nn
DISTILL_NAMESPACE_END
