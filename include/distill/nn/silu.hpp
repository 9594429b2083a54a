// Sigmoid linear unit.
#pragma once

#include "../config.hpp"
#include "../core/math.hpp"
#include "detail/elementwise.hpp"
#include "sigmoid.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

namespace detail {

struct silu_formula {
  template <class V>
  DISTILL_HD DISTILL_INLINE static V value(V x) {
    return mass_times(sigmoid_formula::value(x), x);
  }
  /// σ(x) + x σ(x) σ(−x)
  template <class V>
  DISTILL_HD DISTILL_INLINE static V slope(V x) {
    using T = lane_scalar<V>;
    const V one(T(1)), zero(T(0)), e = exp_nonpositive(zero - lane<V>::abs(x)), inverse = one / (one + e);
    const V sigma = lane<V>::select(x < zero, e, one) * inverse;
    return lane<V>::fma(clamped(x, T(1000)) * e, inverse * inverse, sigma);
  }
};

}  // namespace detail

/// y = x σ(x) = x/(1 + e^−x), element-wise, any shape (also known as swish; source: S. Elfwing, E. Uchibe, K. Doya,
/// "Sigmoid-weighted linear units", Neural Networks 107, 2018). dx = dy (σ(x) + x σ(x) σ(−x)). 0 at −∞. y 5 ULP; the
/// slope 6 ULP of σ + |x| σ (1 − σ).
template <class T>
class silu : public detail::elementwise_layer<T, detail::silu_formula> {
 public:
  silu() : detail::elementwise_layer<T, detail::silu_formula>("silu") {}
};

}  // namespace nn
DISTILL_NAMESPACE_END
