// A number with its derivative along one direction: whatever runs on it differentiates itself.
#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <numbers>
#include <type_traits>

#include "../config.hpp"
#include "lane.hpp"
#include "math.hpp"

DISTILL_NAMESPACE_BEGIN

namespace detail {

/// slope · factor where a constant (slope 0) stays one, whatever it meets: the chain rule at −inf.
template <class T>
constexpr T carried(T slope, T factor) {
  return slope == 0 ? T(0) : slope * factor;
}
/// slope / divisor, likewise: a class without mass has none along any direction.
template <class T>
constexpr T carried_over(T slope, T divisor) {
  return slope == 0 ? T(0) : slope / divisor;
}

}  // namespace detail

/// x + ε x′ with ε² = 0: a value and its slope along one direction (forward mode, first order).
///   x · y   (x y, x′ y + x y′)        f(x)   (f(x), f′(x) x′)
/// A number type of layers and row objectives beside float and double: run a model and its loss on dual<T> with
/// parameters w + ε v, and every value carries its derivative along v, every gradient the Hessian–vector product H v.
///
/// Comparisons are of the values: branches, sorts and maxima choose as they would without slopes. A slope of 0 stays 0
/// beside an infinite value, so that masked (−inf) logits and constants have none. Exactly on a kink the slope is that
/// of one side.
template <std::floating_point T>
struct dual {
  T value = 0, slope = 0;

  constexpr dual() = default;
  /// A constant.
  template <class Number>
  requires std::is_arithmetic_v<Number>
  constexpr dual(Number value_) : value(static_cast<T>(value_)) {}  // NOLINT: the conversion is the point
  constexpr dual(T value_, T slope_) : value(value_), slope(slope_) {}
  template <std::floating_point U>
  requires(!std::same_as<T, U>) constexpr explicit dual(const dual<U>& other)
      : value(static_cast<T>(other.value)), slope(static_cast<T>(other.slope)) {}

  friend constexpr dual operator+(dual a) { return a; }
  friend constexpr dual operator-(dual a) { return {-a.value, -a.slope}; }
  friend constexpr dual operator+(dual a, dual b) { return {a.value + b.value, a.slope + b.slope}; }
  friend constexpr dual operator-(dual a, dual b) { return {a.value - b.value, a.slope - b.slope}; }
  friend constexpr dual operator*(dual a, dual b) {
    return {a.value * b.value, detail::carried(a.slope, b.value) + detail::carried(b.slope, a.value)};
  }
  friend constexpr dual operator/(dual a, dual b) {
    const T quotient = a.value / b.value;
    return {quotient, detail::carried_over(a.slope - detail::carried(b.slope, quotient), b.value)};
  }
  constexpr dual& operator+=(dual other) { return *this = *this + other; }
  constexpr dual& operator-=(dual other) { return *this = *this - other; }
  constexpr dual& operator*=(dual other) { return *this = *this * other; }
  constexpr dual& operator/=(dual other) { return *this = *this / other; }

  friend constexpr bool operator==(dual a, dual b) { return a.value == b.value; }
  friend constexpr bool operator<(dual a, dual b) { return a.value < b.value; }
  friend constexpr bool operator>(dual a, dual b) { return a.value > b.value; }
  friend constexpr bool operator<=(dual a, dual b) { return a.value <= b.value; }
  friend constexpr bool operator>=(dual a, dual b) { return a.value >= b.value; }

  // What <cmath> has for T, found where a template writes `using std::exp; exp(x)`.
  friend dual exp(dual x) {
    const T e = std::exp(x.value);
    return {e, detail::carried(x.slope, e)};
  }
  friend dual expm1(dual x) { return {std::expm1(x.value), detail::carried(x.slope, std::exp(x.value))}; }
  friend dual log(dual x) { return {std::log(x.value), detail::carried_over(x.slope, x.value)}; }
  friend dual log1p(dual x) { return {std::log1p(x.value), detail::carried_over(x.slope, 1 + x.value)}; }
  friend dual sqrt(dual x) {
    const T root = std::sqrt(x.value);
    return {root, detail::carried_over(x.slope, 2 * root)};
  }
  friend dual pow(dual x, T exponent) {
    const T power = exponent == 0 ? T(0) : exponent * std::pow(x.value, exponent - 1);
    return {std::pow(x.value, exponent), detail::carried(x.slope, power)};
  }
  friend dual sin(dual x) { return {std::sin(x.value), detail::carried(x.slope, std::cos(x.value))}; }
  friend dual cos(dual x) { return {std::cos(x.value), detail::carried(x.slope, -std::sin(x.value))}; }
  friend dual tanh(dual x) {
    const T t = std::tanh(x.value);
    return {t, detail::carried(x.slope, (1 - t) * (1 + t))};
  }
  friend dual erf(dual x) {
    const T density = 2 * std::numbers::inv_sqrtpi_v<T> * std::exp(-x.value * x.value);
    return {std::erf(x.value), detail::carried(x.slope, density)};
  }
  friend constexpr dual abs(dual x) { return x.value < 0 ? -x : x; }
  friend constexpr dual fabs(dual x) { return abs(x); }
  friend bool isnan(dual x) { return std::isnan(x.value); }
  friend bool isinf(dual x) { return std::isinf(x.value); }
  friend bool isfinite(dual x) { return std::isfinite(x.value); }
  friend bool isnormal(dual x) { return std::isnormal(x.value); }

  // A batch of one: simd<dual<T>> is dual<T> itself.
  static constexpr std::size_t size = 1;
  static constexpr dual load_unaligned(const dual* p) { return *p; }
  static constexpr dual load_aligned(const dual* p) { return *p; }
  constexpr void store_unaligned(dual* p) const { *p = *this; }
  constexpr void store_aligned(dual* p) const { *p = *this; }
};

template <class T>
inline constexpr bool is_dual = false;
template <class T>
inline constexpr bool is_dual<dual<T>> = true;

/// What layers and row objectives may be templates over: float, double, dual<float>, dual<double>.
template <class T>
concept number_type = std::floating_point<T> || is_dual<T>;

/// What sums of T are kept in: double, and for dual numbers dual<double>.
template <class T>
using wide = std::conditional_t<is_dual<T>, dual<double>, double>;

/// The number without its slope: for decisions and reports.
template <std::floating_point T>
constexpr T value_of(T x) {
  return x;
}
template <class T>
constexpr T value_of(dual<T> x) {
  return x.value;
}

namespace detail {

/// Nothing comes of a product with it: 0, and of a dual number the slope, too.
template <std::floating_point T>
constexpr bool vanishes(T x) {
  return x == 0;
}
template <class T>
constexpr bool vanishes(dual<T> x) {
  return x.value == 0 && x.slope == 0;
}
/// 0 that moves as x does: where the value is known to be rounding alone.
template <std::floating_point T>
constexpr T zero_along(T) {
  return 0;
}
template <class T>
constexpr dual<T> zero_along(dual<T> x) {
  return {T(0), x.slope};
}
/// The same number, with the same slope.
template <std::floating_point T>
constexpr bool identical(T a, T b) {
  return a == b;
}
template <class T>
constexpr bool identical(dual<T> a, dual<T> b) {
  return a.value == b.value && a.slope == b.slope;
}

}  // namespace detail

template <class T>
struct lane<dual<T>> {
  using scalar = T;
  using mask = bool;
  static constexpr int width = 1;

  static constexpr dual<T> select(bool condition, dual<T> yes, dual<T> no) { return condition ? yes : no; }
  static dual<T> fma(dual<T> a, dual<T> b, dual<T> c) {
    return {lane<T>::fma(a.value, b.value, c.value), (a * b + c).slope};
  }
  static constexpr dual<T> abs(dual<T> a) { return a.value < 0 ? -a : a; }
  static dual<T> sqrt(dual<T> a) {
    const T root = lane<T>::sqrt(a.value);
    return {root, detail::carried_over(a.slope, 2 * root)};
  }
  static constexpr dual<T> max(dual<T> a, dual<T> b) { return a < b ? b : a; }
};

// The library's elementary functions: their values are those of T, their slopes the exact derivatives. More specialised
// than the templates over any lane, and found by argument-dependent lookup.

template <class T>
dual<T> exp_scaled(dual<T> x, dual<T> scale) {
  const T e = exp_scaled(x.value, scale.value);
  return {e, e == 0 ? T(0) : e * (x * scale).slope};
}
template <class T>
dual<T> exp_nonpositive(dual<T> x) {
  const T e = exp_nonpositive(x.value);
  return {e, e == 0 ? T(0) : detail::carried(x.slope, e)};
}
template <class T>
dual<T> exp_any(dual<T> x) {
  const T e = exp_any(x.value);
  return {e, e == 0 ? T(0) : detail::carried(x.slope, e)};
}
template <class T>
dual<T> phi_small(dual<T> x) {
  const T phi = phi_small(x.value);
  return {phi, detail::carried(x.slope, x.value + phi)};
}
template <class T>
dual<T> expm1_nonpositive(dual<T> x) {
  return {expm1_nonpositive(x.value), exp_nonpositive(x).slope};
}
template <class T>
dual<T> expm1_any(dual<T> x) {
  return {expm1_any(x.value), exp_any(x).slope};
}
template <class T>
dual<T> natural_log(dual<T> x) {
  return {natural_log(x.value), detail::carried_over(x.slope, x.value)};
}
template <class T>
dual<T> natural_log1p(dual<T> x) {
  return {natural_log1p(x.value), detail::carried_over(x.slope, 1 + x.value)};
}
template <class T>
dual<T> log_ratio(dual<T> s) {
  return {log_ratio(s.value), detail::carried_over(2 * s.slope, (1 - s.value) * (1 + s.value))};
}
template <class T>
dual<T> log_cosh_small(dual<T> h) {
  return {log_cosh_small(h.value), detail::carried(h.slope, std::tanh(h.value))};
}
template <class T>
dual<T> even_mixture_small(dual<T> h) {
  const T t = std::tanh(h.value);
  return {even_mixture_small(h.value), detail::carried(h.slope, h.value * (1 - t) * (1 + t))};
}
/// `difference` is m − p in its slope as well as in its value: (m − p) − p log(m/p) grows by m′ (m − p)/m − p′
/// log(m/p).
template <class T>
mass_comparison<dual<T>> compare_masses(dual<T> p, dual<T> m, dual<T> difference) {
  const mass_comparison<T> of_values = compare_masses(p.value, m.value, difference.value);
  const T relative = detail::carried_over(m.slope, m.value);
  return {
      {of_values.log_ratio, relative - detail::carried_over(p.slope, p.value)},
      {of_values.term, detail::carried(relative, difference.value) - detail::carried(p.slope, of_values.log_ratio)}};
}
template <class T>
dual<T> mass_times(dual<T> a, dual<T> b) {
  return {mass_times(a.value, b.value), detail::carried(a.slope, b.value) + mass_times(a.value, b.slope)};
}
template <class T>
dual<T> mass_over(dual<T> a, dual<T> b) {
  const T quotient = mass_over(a.value, b.value);
  return {quotient, detail::carried_over(a.slope - detail::carried(b.slope, quotient), b.value)};
}
template <class T>
dual<T> difference_of(dual<T> a, dual<T> b) {
  const bool both_infinite = a.value == b.value && std::isinf(a.value);
  return {difference_of(a.value, b.value), both_infinite ? T(0) : a.slope - b.slope};
}
template <class T>
dual<T> sign_of(dual<T> x) {
  return {sign_of(x.value), T(0)};
}

DISTILL_NAMESPACE_END

/// Those of T, as constants.
template <class T>
class std::numeric_limits<distill::dual<T>> : public std::numeric_limits<T> {
  using own = std::numeric_limits<T>;
  using number = distill::dual<T>;

 public:
  static constexpr number min() { return own::min(); }
  static constexpr number max() { return own::max(); }
  static constexpr number lowest() { return own::lowest(); }
  static constexpr number denorm_min() { return own::denorm_min(); }
  static constexpr number infinity() { return own::infinity(); }
  static constexpr number quiet_NaN() { return own::quiet_NaN(); }
  static constexpr number epsilon() { return own::epsilon(); }
};
