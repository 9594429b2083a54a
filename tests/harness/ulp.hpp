// Distance between a computed number and the exact one, in units of the last place of the computed one's type.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

namespace harness {

/// One unit of the last place of T at `exact`; that of the smallest normal number below it.
template <class T>
long double unit_at(long double exact) {
  const long double size = std::max(std::abs(exact), static_cast<long double>(std::numeric_limits<T>::min()));
  int exponent = 0;
  std::frexp(size, &exponent);
  return std::ldexp(1.0L, exponent - std::numeric_limits<T>::digits);
}

/// Equal infinities and two NaN are 0 apart, any other pair with one of them is infinitely far.
template <class T>
double ulp_between(T got, long double exact) {
  if (std::isnan(got) || std::isnan(exact)) return std::isnan(got) && std::isnan(exact) ? 0 : INFINITY;
  if (std::isinf(got) || std::isinf(exact)) return static_cast<long double>(got) == exact ? 0 : INFINITY;
  return static_cast<double>(std::abs(static_cast<long double>(got) - exact) / unit_at<T>(exact));
}

}  // namespace harness
