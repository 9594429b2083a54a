// Runs an elementary function on the scalar lane and on the SIMD lane and measures both against a reference.
#pragma once

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <string>

#include <distill/core/math.hpp>
#include <distill/core/simd.hpp>

#include "harness/ulp.hpp"

namespace core_tests {

using distill::lane;
using distill::simd;

#if defined(__FMA__)
inline constexpr bool fused = true;
#else
inline constexpr bool fused = false;
#endif

/// Points in [low, high], whose ends have the same sign: half evenly spaced in value, half in bit patterns, so that
/// every binade has its share.
template <class T, class Visit>
void each_point(T low, T high, int count, const Visit& visit) {
  using bits = typename lane<T>::bits;
  const bits first = lane<T>::to_bits(low), last = lane<T>::to_bits(high);
  const bits near = std::min(first, last), step = (std::max(first, last) - near) / static_cast<bits>(count / 2);
  visit(low);
  visit(high);
  for (int i = 0; i < count / 2; ++i) {
    visit(lane<T>::from_bits(static_cast<bits>(near + static_cast<bits>(i) * step)));
    visit(low + (high - low) * (static_cast<T>(i) + T(0.37)) / static_cast<T>(count / 2));
  }
}

/// The worst error of `function` over the points given to it, and where.
template <class T>
struct worst_error {
  double scalar = 0, batch = 0;
  T scalar_at = 0, batch_at = 0;
  int points = 0;
};

template <class T, class Function, class Reference>
worst_error<T> measure(T low, T high, int count, const Function& function, const Reference& reference) {
  constexpr std::size_t width = simd<T>::size;
  worst_error<T> worst;
  alignas(64) std::array<T, width> x{}, y{};
  std::array<long double, width> exact{};
  std::size_t filled = 0;
  each_point(low, high, count, [&](T point) {
    x[filled] = point;
    exact[filled] = reference(point);
    const double error = harness::ulp_between(function(point), exact[filled]);
    if (!(error <= worst.scalar)) worst.scalar = error, worst.scalar_at = point;
    ++worst.points;
    if (++filled < width) return;
    filled = 0;
    const simd<T> result = function(simd<T>::load_aligned(x.data()));
    result.store_aligned(y.data());
    for (std::size_t i = 0; i < width; ++i) {
      const double of_lane = harness::ulp_between(y[i], exact[i]);
      if (!(of_lane <= worst.batch)) worst.batch = of_lane, worst.batch_at = x[i];
    }
  });
  return worst;
}

template <class T>
void check_bound(const char* name, const worst_error<T>& worst, double with_fma, double without) {
  const std::string type = sizeof(T) == 4 ? "float" : "double";
  INFO(std::string(name) << " in " << type << ": scalar " << worst.scalar << " ULP at " << worst.scalar_at << ", batch "
                         << worst.batch << " ULP at " << worst.batch_at);
#ifdef DISTILL_TEST_REPORT
  std::printf("%-20s %-6s scalar %.3f ulp at %.9g, batch %.3f ulp at %.9g\n", name, type.c_str(), worst.scalar,
              double(worst.scalar_at), worst.batch, double(worst.batch_at));
#endif
  CHECK(worst.points >= 100000);
  CHECK(worst.scalar <= (fused ? with_fma : without));
  CHECK(worst.batch <= (fused ? with_fma : without));
}

/// `function` on the scalar lane; and in the first and last of the SIMD lanes, where it must give the same.
template <class T, class Function>
T at_edge(const Function& function, T x) {
  const T alone = function(x);
  alignas(64) std::array<T, simd<T>::size> y{};
  function(simd<T>(x)).store_aligned(y.data());
  for (const T of_lane : {y.front(), y.back()}) {
    CHECK(std::isnan(of_lane) == std::isnan(alone));
    if (!std::isnan(alone)) CHECK(harness::ulp_between(of_lane, static_cast<long double>(alone)) <= 2);
    CHECK((of_lane == 0) == (alone == 0));
  }
  return alone;
}

}  // namespace core_tests
