// Dual numbers: the slope of every function, and what becomes of it at the edges.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <limits>

#include <distill/core/radix_sort.hpp>
#include <distill/core/sums.hpp>
#include <distill/core/sweep.hpp>

namespace dual_numbers {

using namespace distill;
using number = dual<double>;
constexpr double infinity = std::numeric_limits<double>::infinity();

template <class F>
void slope_is_difference(const char* name, std::initializer_list<double> places, const F& f) {
  constexpr double h = 1e-4;
  for (const double x : places) {
    const double difference = (8 * (f(number(x + h)).value - f(number(x - h)).value) -
                               (f(number(x + 2 * h)).value - f(number(x - 2 * h)).value)) /
                              (12 * h);
    const number got = f(number(x, -3.0));
    INFO(std::string(name) << " at " << x << ": slope " << got.slope << ", -3 times " << difference);
    CHECK(got.slope == doctest::Approx(-3 * difference).epsilon(1e-9));
  }
}

TEST_CASE("slopes are derivatives") {
  slope_is_difference("exp", {-2, 0.5}, [](number x) { return exp(x); });
  slope_is_difference("expm1", {-2, 0.5}, [](number x) { return expm1(x); });
  slope_is_difference("log", {0.3, 2}, [](number x) { return log(x); });
  slope_is_difference("log1p", {-0.3, 2}, [](number x) { return log1p(x); });
  slope_is_difference("sqrt", {0.3, 2}, [](number x) { return sqrt(x); });
  slope_is_difference("pow", {0.3, 2}, [](number x) { return pow(x, 1.5); });
  slope_is_difference("sin", {0.3, 2}, [](number x) { return sin(x); });
  slope_is_difference("cos", {0.3, 2}, [](number x) { return cos(x); });
  slope_is_difference("tanh", {-0.3, 2}, [](number x) { return tanh(x); });
  slope_is_difference("erf", {-0.3, 1}, [](number x) { return erf(x); });
  slope_is_difference("abs", {-0.3, 2}, [](number x) { return abs(x); });
  slope_is_difference("quotient", {0.3, 2}, [](number x) { return (1 + x) / (x * x); });
  slope_is_difference("fused", {0.3, 2}, [](number x) { return lane<number>::fma(x, x, -x); });
  slope_is_difference("lane sqrt", {0.3, 2}, [](number x) { return lane<number>::sqrt(x); });
  slope_is_difference("exp_scaled", {-2}, [](number x) { return exp_scaled(x, number(0.5) - x); });
  slope_is_difference("exp_nonpositive", {-2}, [](number x) { return exp_nonpositive(x); });
  slope_is_difference("expm1_nonpositive", {-2, -0.1}, [](number x) { return expm1_nonpositive(x); });
  slope_is_difference("exp_any", {-2, 2}, [](number x) { return exp_any(x); });
  slope_is_difference("expm1_any", {-2, 2}, [](number x) { return expm1_any(x); });
  slope_is_difference("phi_small", {-0.3, 0.3}, [](number x) { return phi_small(x); });
  slope_is_difference("natural_log", {0.3, 2}, [](number x) { return natural_log(x); });
  slope_is_difference("natural_log1p", {-0.3, 2}, [](number x) { return natural_log1p(x); });
  slope_is_difference("log_ratio", {-0.3, 0.1}, [](number x) { return log_ratio(x); });
  slope_is_difference("log_cosh_small", {-0.3, 0.1}, [](number x) { return log_cosh_small(x); });
  slope_is_difference("even_mixture_small", {-0.3, 0.1}, [](number x) { return even_mixture_small(x); });
  const auto compared = [](number x) {
    const number m = 0.25 + x * x;
    return compare_masses(x, m, m - x);
  };
  slope_is_difference("log of masses", {0.1, 0.4}, [&](number x) { return compared(x).log_ratio; });
  slope_is_difference("term of masses", {0.1, 0.4}, [&](number x) { return compared(x).term; });
}

TEST_CASE("constants stay constants beside infinity, and what vanishes in value may still have a slope") {
  const number masked(-infinity), moving(-infinity, 1), two(2), zero(0, 3);
  for (const number x : {two * masked, masked / two, masked - 1.0, mass_times(number(0), moving)}) CHECK(x.slope == 0);
  for (const number x : {exp(moving), exp_nonpositive(moving), exp_any(moving), exp_scaled(moving, number(0.5, 1))}) {
    CHECK(x.value == 0);
    CHECK(x.slope == 0);
  }
  CHECK(log(number(0)).slope == 0);
  CHECK(lane<number>::sqrt(number(0)).slope == 0);
  CHECK(difference_of(moving, masked).slope == 0);
  CHECK(difference_of(number(2, 5), number(2, 1)).slope == 4);  // equal, and moving apart
  CHECK(mass_times(zero, two).slope == 6);
  CHECK(mass_over(zero, two).slope == 1.5);
  CHECK(mass_over(number(0), number(0)).value == 0);
  CHECK((detail::vanishes(number(0)) && !detail::vanishes(zero)));
  CHECK((zero == number(0) && !detail::identical(zero, number(0))));
  CHECK(sign_of(zero).slope == 0);
  CHECK(std::numeric_limits<number>::infinity().value == infinity);
}

TEST_CASE_TEMPLATE("sweeps, sums and sorts", T, dual<float>, dual<double>) {
  using scalar = lane_scalar<T>;
  std::array<T, 5> a, b;
  for (std::size_t i = 0; i < 5; ++i) a[i] = T(scalar(i % 3), scalar(i));
  detail::sweep<T>(
      5, [](const simd<T>& x, simd<T>& y) { y = x * x; }, static_cast<const T*>(a.data()), b.data());
  detail::add_to(b.data(), static_cast<const T*>(a.data()), 5);
  CHECK(b[4].value == 2);
  CHECK(b[4].slope == 12);
  const wide<T> total = detail::sum(a.data(), 5), length = detail::norm(a.data(), 5);
  CHECK(total.slope == 10);
  CHECK(length.slope == doctest::Approx(9 / std::sqrt(6.0)));
  std::array<ranked<T>, 5> sorted, spare;
  sort_descending(a.data(), 5, sorted.data(), spare.data());
  const std::array<int, 5> order{2, 1, 4, 0, 3};
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(sorted[i].column == order[i]);
    CHECK(sorted[i].value.slope == static_cast<scalar>(order[i]));
  }
}

}  // namespace dual_numbers
