// Rectified linear unit that lets a hundredth of what is negative through.
#pragma once

#include "../config.hpp"
#include "../core/math.hpp"
#include "detail/elementwise.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

namespace detail {

struct leaky_relu_formula {
  static constexpr double leak = 0.01;
  template <class V>
  DISTILL_HD DISTILL_INLINE static V value(V x) {
    using T = lane_scalar<V>;
    return lane<V>::select(V(T(0)) < x, x, V(T(leak)) * x);
  }
  template <class V>
  DISTILL_HD DISTILL_INLINE static V slope(V x) {
    using T = lane_scalar<V>;
    return lane<V>::select(V(T(0)) < x, V(T(1)), V(T(leak)));
  }
};

}  // namespace detail

/// y = x where x > 0, 0.01 x elsewhere, element-wise, any shape; NaN stays NaN. dx = dy where x > 0, 0.01 dy elsewhere
/// (also at x = 0). source: A. Maas, A. Hannun, A. Ng, "Rectifier nonlinearities improve neural network acoustic
/// models", ICML 2013 workshop, eq. 2.
template <class T>
class leaky_relu : public detail::elementwise_layer<T, detail::leaky_relu_formula> {
 public:
  leaky_relu() : detail::elementwise_layer<T, detail::leaky_relu_formula>("leaky_relu") {}
};

}  // namespace nn
DISTILL_NAMESPACE_END
