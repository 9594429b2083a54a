// Gaussian error linear unit.
#pragma once

#include "../config.hpp"
#include "../core/math.hpp"
#include "../core/standard_normal.hpp"
#include "detail/elementwise.hpp"
#include "sigmoid.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// Which of the two functions of that name.
enum class gelu_form {
  exact,  ///< x Φ(x) = x (1 + erf(x/√2))/2
  tanh    ///< x (1 + tanh(√(2/π) (x + 0.044715 x³)))/2, at most 5e-4 from it
};

namespace detail {

struct exact_gelu_formula {
  template <class V>
  DISTILL_HD DISTILL_INLINE static V value(V x) {
    return mass_times(standard_normal(x).below, x);
  }
  /// Φ(x) + x φ(x): on the left the two are near −φ(x)/x and x φ(x), far from cancelling.
  template <class V>
  DISTILL_HD DISTILL_INLINE static V slope(V x) {
    const normal_values<V> normal = standard_normal(x);
    return lane<V>::fma(clamped(x, lane_scalar<V>(40)), normal.density, normal.below);
  }
};

struct tanh_gelu_formula {
  /// (1 + tanh z)/2 = σ(2 z)
  template <class V>
  DISTILL_HD DISTILL_INLINE static V value(V x) {
    const V at = clamped(x, lane_scalar<V>(end));
    return mass_times(sigmoid_formula::value(argument(at)), x);
  }
  /// σ(2z) + x σ(2z) σ(−2z) 2z′
  template <class V>
  DISTILL_HD DISTILL_INLINE static V slope(V x) {
    using T = lane_scalar<V>;
    const V at = clamped(x, T(end)), twice = argument(at);
    const V growth = lane<V>::fma(at * at, V(T(3 * factor * cubic)), V(T(factor)));
    return lane<V>::fma(at * growth, sigmoid_formula::slope(twice), sigmoid_formula::value(twice));
  }

 private:
  static constexpr double factor = 1.5957691216057307;  // 2 √(2/π)
  static constexpr double cubic = 0.044715;
  static constexpr double end = 30;  // beyond, σ is 0 or 1

  /// 2 z
  template <class V>
  DISTILL_HD DISTILL_INLINE static V argument(V x) {
    using T = lane_scalar<V>;
    return x * lane<V>::fma(x * x, V(T(factor * cubic)), V(T(factor)));
  }
};

}  // namespace detail

/// y = x Φ(x), element-wise, any shape; source: D. Hendrycks, K. Gimpel, "Gaussian error linear units", 2016.
/// dx = dy (Φ(x) + x φ(x)). Both keep their relative accuracy far on the left, where they vanish: 0 at −∞. y 6 ULP, the
/// slope 8 ULP of Φ + |x| φ; in the tanh form (source: the same) both 8 + 4 |z| ULP, z what tanh is taken of.
template <class T>
class gelu : public layer<T> {
 public:
  explicit gelu(gelu_form form = gelu_form::exact)
      : layer<T>(form == gelu_form::exact ? "gelu" : "gelu(tanh)"), form_(form) {}

  variable forward(tape<T>& t, variable input) const override {
    return form_ == gelu_form::exact ? detail::elementwise<detail::exact_gelu_formula>(t, input)
                                     : detail::elementwise<detail::tanh_gelu_formula>(t, input);
  }

 private:
  gelu_form form_;
};

}  // namespace nn
DISTILL_NAMESPACE_END
