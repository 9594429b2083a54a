#include <distill/core/standard_normal.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "lane_functions.hpp"

namespace {

using core_tests::check_bound;
using core_tests::measure;

constexpr int points = 100000;
constexpr auto below_of = [](auto x) { return distill::standard_normal(x).below; };
constexpr auto density_of = [](auto x) { return distill::standard_normal(x).density; };
constexpr long double root_half = std::numbers::sqrt2_v<long double> / 2;

}  // namespace

TEST_CASE_TEMPLATE("standard_normal keeps its error bounds in both tails", T, float, double) {
  const auto below = [](T x) -> long double { return std::erfc(-root_half * static_cast<long double>(x)) / 2; };
  const auto density = [](T x) -> long double {
    const long double wide = x;
    return std::exp(-wide * wide / 2) * std::numbers::inv_sqrtpi_v<long double> * root_half;
  };
  const T end = sizeof(T) == 4 ? T(13.1) : T(37.5);
  check_bound("below, left", measure(-end, T(-0.0), points, below_of, below), 5, 6);
  check_bound("below, right", measure(T(0), end, points, below_of, below), 3, 4);
  check_bound("density", measure(T(0), end, points, density_of, density), 3, 4);
}

TEST_CASE_TEMPLATE("standard_normal at the ends of its range", T, float, double) {
  const T infinity = std::numeric_limits<T>::infinity(), largest = std::numeric_limits<T>::max();
  for (const T x : {infinity, largest, T(50)}) {
    CHECK(distill::standard_normal(x).below == 1);
    CHECK(distill::standard_normal(-x).below == 0);
    CHECK(distill::standard_normal(x).density == 0);
  }
  CHECK(harness::ulp_between(distill::standard_normal(T(0)).below, 0.5L) <= 5);
  CHECK(std::isnan(distill::standard_normal(std::numeric_limits<T>::quiet_NaN()).below));
  CHECK(std::isnan(distill::standard_normal(std::numeric_limits<T>::quiet_NaN()).density));
}
