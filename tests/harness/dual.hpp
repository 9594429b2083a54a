// A number with its derivative along one direction, as a lane: an objective evaluated on it differentiates itself.
#pragma once

#include <cmath>
#include <limits>

#include <distill/core/math.hpp>

namespace harness {

template <class T>
struct dual {
  T value = 0, slope = 0;

  dual() = default;
  explicit dual(T value_, T slope_ = 0) : value(value_), slope(slope_) {}

  friend dual operator+(dual a, dual b) { return dual(a.value + b.value, a.slope + b.slope); }
  friend dual operator-(dual a, dual b) { return dual(a.value - b.value, a.slope - b.slope); }
  friend dual operator*(dual a, dual b) { return dual(a.value * b.value, a.slope * b.value + a.value * b.slope); }
  friend dual operator/(dual a, dual b) {
    return dual(a.value / b.value, (a.slope - a.value / b.value * b.slope) / b.value);
  }
  friend bool operator<(dual a, dual b) { return a.value < b.value; }
  friend bool operator==(dual a, dual b) { return a.value == b.value; }
};

// Found by argument-dependent lookup, and more specialised than the library's templates over any lane.
template <class T>
dual<T> exp_nonpositive(dual<T> x) {
  return dual<T>(std::exp(x.value), std::exp(x.value) * x.slope);
}
template <class T>
dual<T> expm1_nonpositive(dual<T> x) {
  return dual<T>(std::expm1(x.value), std::exp(x.value) * x.slope);
}
template <class T>
dual<T> exp_any(dual<T> x) {
  return exp_nonpositive(x);
}
template <class T>
dual<T> expm1_any(dual<T> x) {
  return expm1_nonpositive(x);
}
template <class T>
dual<T> natural_log1p(dual<T> x) {
  return dual<T>(std::log1p(x.value), x.slope / (1 + x.value));
}
template <class T>
dual<T> natural_log(dual<T> x) {
  return dual<T>(std::log(x.value), x.slope / x.value);
}

template <class T>
distill::mass_comparison<dual<T>> compare_masses(dual<T> p, dual<T> m, dual<T> difference) {
  const dual<T> log_ratio = natural_log(m / p);
  return {log_ratio, difference - p * log_ratio};
}

}  // namespace harness

template <class T>
struct distill::lane<harness::dual<T>> {
  using dual = harness::dual<T>;
  using scalar = T;
  using mask = bool;
  static constexpr int width = 1;

  static dual select(bool condition, dual yes, dual no) { return condition ? yes : no; }
  static dual fma(dual a, dual b, dual c) { return a * b + c; }
  static dual abs(dual a) { return a.value < 0 ? dual(-a.value, -a.slope) : a; }
  static dual sqrt(dual a) { return dual(std::sqrt(a.value), a.slope / (2 * std::sqrt(a.value))); }
  static dual max(dual a, dual b) { return a < b ? b : a; }
};
