// The error bounds that math.hpp states beside each function, and what the functions do at the ends of their ranges.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "lane_functions.hpp"

namespace {

using core_tests::at_edge;
using core_tests::check_bound;
using core_tests::measure;
using core_tests::worst_error;
using distill::exp_nonpositive;
using distill::expm1_nonpositive;
using distill::phi_small;

constexpr int points = 150000;

constexpr auto exp_of = [](auto x) { return distill::exp_nonpositive(x); };
constexpr auto phi_of = [](auto x) { return distill::phi_small(x); };
constexpr auto expm1_of = [](auto x) { return distill::expm1_nonpositive(x); };
constexpr auto log1p_of = [](auto x) { return distill::natural_log1p(x); };
constexpr auto exp_any_of = [](auto x) { return distill::exp_any(x); };
constexpr auto expm1_any_of = [](auto x) { return distill::expm1_any(x); };
constexpr auto mass_log_of = [](auto x) {
  return distill::compare_masses(decltype(x)(1), decltype(x)(1) + x, x).log_ratio;
};
constexpr auto mass_term_of = [](auto x) {
  return distill::compare_masses(decltype(x)(1), decltype(x)(1) + x, x).term;
};
constexpr auto log_ratio_of = [](auto s) { return distill::log_ratio(s); };
constexpr auto even_mixture_of = [](auto h) { return distill::even_mixture_small(h); };
constexpr auto log_cosh_of = [](auto h) { return distill::log_cosh_small(h); };
constexpr auto log_of = [](auto x) { return distill::natural_log(x); };

/// The reference needs some ten digits more than T: double for float, the x87 long double for double.
template <class T>
using wide = std::conditional_t<sizeof(T) == 4, double, long double>;

template <class T>
long double phi_series(T x) {
  long double term = static_cast<long double>(x) * x / 2, sum = 0;
  for (int k = 3; std::abs(term) > 1e-25L * std::abs(sum) || k == 3; ++k) {
    sum += term;
    term *= static_cast<long double>(x) / k;
    if (term == 0) break;
  }
  return sum;
}

template <class T>
worst_error<T> larger(const worst_error<T>& a, const worst_error<T>& b) {
  worst_error<T> result = a;
  if (!(b.scalar <= a.scalar)) result.scalar = b.scalar, result.scalar_at = b.scalar_at;
  if (!(b.batch <= a.batch)) result.batch = b.batch, result.batch_at = b.batch_at;
  result.points = a.points + b.points;
  return result;
}

template <class T>
constexpr T infinity = std::numeric_limits<T>::infinity();
template <class T>
constexpr T not_a_number = std::numeric_limits<T>::quiet_NaN();
template <class T>
constexpr T smallest = std::numeric_limits<T>::denorm_min();
template <class T>
constexpr T underflow = sizeof(T) == 4 ? T(-87.3) : T(-708.3);

}  // namespace

TEST_CASE_TEMPLATE("exp_nonpositive keeps its error bound", T, float, double) {
  const auto worst =
      measure(underflow<T>, T(-0.0), points, exp_of, [](T x) -> long double { return std::exp(wide<T>(x)); });
  check_bound("exp_nonpositive", worst, 1.1, 2);
}

TEST_CASE_TEMPLATE("exp_scaled keeps its error bound above 0, as far as it may be asked", T, float, double) {
  const auto exact = [](T x) -> long double { return std::exp(wide<T>(x)); };
  const auto worst = measure(
      T(0), T(60), points, [](auto x) { return distill::exp_scaled(x, decltype(x)(1)); }, exact);
  check_bound("exp_scaled", worst, 1.1, 2);
}

TEST_CASE_TEMPLATE("phi_small keeps its error bound on both sides of 0", T, float, double) {
  // Below 1e-18 (1e-153) the square leaves the normal range: nothing to promise there, but 0.
  const T tiny = sizeof(T) == 4 ? T(1.1e-19) : T(1.5e-154);
  check_bound("phi_small",
              larger(measure(tiny, T(0.5), points, phi_of, phi_series<T>),
                     measure(T(-0.5), -tiny, points, phi_of, phi_series<T>)),
              3, 3);
}

TEST_CASE_TEMPLATE("expm1_nonpositive keeps its error bound", T, float, double) {
  const T tiny = std::numeric_limits<T>::min();
  const auto worst =
      measure(T(-100), -tiny, points, expm1_of, [](T x) -> long double { return std::expm1(wide<T>(x)); });
  check_bound("expm1_nonpositive", worst, 2, 3);
}

TEST_CASE_TEMPLATE("log1p keeps its error bound on both sides of 0", T, float, double) {
  const T tiny = std::numeric_limits<T>::min(), almost_one = std::nextafter(T(1), T(0));
  const auto reference = [](T x) -> long double { return std::log1p(wide<T>(x)); };
  check_bound("log1p",
              larger(measure(tiny, std::numeric_limits<T>::max(), points, log1p_of, reference),
                     measure(-almost_one, -tiny, points, log1p_of, reference)),
              2, 3);
  check_bound("log1p", measure(T(0.25), T(4), points, log1p_of, reference), 2, 3);
}

TEST_CASE_TEMPLATE("log keeps its error bound, subnormal numbers included", T, float, double) {
  const auto reference = [](T x) -> long double { return std::log(wide<T>(x)); };
  check_bound("log", measure(smallest<T>, std::numeric_limits<T>::max(), points, log_of, reference), 1, 2);
  check_bound("log", measure(T(0.5), T(2), points, log_of, reference), 1, 2);
}

TEST_CASE_TEMPLATE("exp_any and expm1_any keep their error bounds on both sides of 0", T, float, double) {
  const T tiny = std::numeric_limits<T>::min(), top = -underflow<T>;
  const auto exp = [](T x) -> long double { return std::exp(wide<T>(x)); };
  const auto expm1 = [](T x) -> long double { return std::expm1(wide<T>(x)); };
  check_bound(
      "exp_any",
      larger(measure(tiny, top, points, exp_any_of, exp), measure(underflow<T>, -tiny, points, exp_any_of, exp)), 2, 3);
  check_bound("expm1_any",
              larger(measure(tiny, top, points, expm1_any_of, expm1),
                     measure(underflow<T>, -tiny, points, expm1_any_of, expm1)),
              3, 4);
  CHECK(at_edge(exp_any_of, infinity<T>) == infinity<T>);
  CHECK(at_edge(exp_any_of, -infinity<T>) == 0);
  CHECK(std::isnan(at_edge(exp_any_of, not_a_number<T>)));
}

TEST_CASE_TEMPLATE("compare_masses keeps its error bounds", T, float, double) {
  const T tiny = sizeof(T) == 4 ? T(1.1e-19) : T(1.5e-154), almost_one = T(1) - T(1) / 1024;
  const auto log = [](T x) -> long double { return std::log1p(static_cast<long double>(x)); };
  check_bound(
      "log_ratio of masses",
      larger(measure(tiny, T(1e30), points, mass_log_of, log), measure(-almost_one, -tiny, points, mass_log_of, log)),
      3, 3);
  check_bound("log_ratio of masses", measure(T(0.25), T(4), points, mass_log_of, log), 3, 4);
  // x - log(1 + x): the difference near 0 would leave a long double without digits.
  const auto term = [](T x) -> long double {
    const long double wide = x;
    if (std::abs(wide) > 0.01L) return wide - std::log1p(wide);
    long double sum = 0, power = wide * wide;
    for (int n = 2; n < 20; ++n, power *= -wide) sum += power / n;
    return sum;
  };
  check_bound("term of masses",
              larger(measure(tiny, T(1e18), points, mass_term_of, term),
                     measure(-almost_one, -tiny, points, mass_term_of, term)),
              24, 24);
  check_bound(
      "term of masses",
      larger(measure(T(0.2), T(1), points, mass_term_of, term), measure(T(-0.5), T(-0.2), points, mass_term_of, term)),
      24, 24);
}

TEST_CASE_TEMPLATE("log_ratio and even_mixture_small keep their error bounds", T, float, double) {
  const T tiny = sizeof(T) == 4 ? T(1.1e-19) : T(1.5e-154);
  const auto ratio = [](T s) -> long double { return 2 * std::atanh(static_cast<long double>(s)); };
  check_bound("log_ratio",
              larger(measure(tiny, T(1) / 3, points, log_ratio_of, ratio),
                     measure(T(-1) / 3, -tiny, points, log_ratio_of, ratio)),
              2, 3);
  const auto log_cosh = [](T h) -> long double {
    const long double t = std::tanh(static_cast<long double>(h));
    return -0.5L * std::log1p(-t * t);
  };
  check_bound("log_cosh_small",
              larger(measure(tiny, T(0.5), points, log_cosh_of, log_cosh),
                     measure(T(-0.5), -tiny, points, log_cosh_of, log_cosh)),
              3, 3);
  // h tanh h - log cosh h as a series in tanh² h: log cosh h = -½ log(1 - t²), h = atanh t.
  const auto mixture = [](T h) -> long double {
    const long double t = std::tanh(static_cast<long double>(h)), z = t * t;
    long double sum = 0, power = z;
    for (int n = 1; n < 200 && power > 1e-30L * z; ++n, power *= z) sum += power / (2.0L * n * (2 * n - 1));
    return sum;
  };
  check_bound("even_mixture_small",
              larger(measure(tiny, T(0.5), points, even_mixture_of, mixture),
                     measure(T(-0.5), -tiny, points, even_mixture_of, mixture)),
              3, 3);
}

TEST_CASE_TEMPLATE("exp_nonpositive: a masked class keeps no mass, NaN stays", T, float, double) {
  CHECK(at_edge(exp_of, T(0)) == 1);
  CHECK(at_edge(exp_of, T(-0.0)) == 1);
  CHECK(at_edge(exp_of, -smallest<T>) == 1);
  CHECK(at_edge(exp_of, -infinity<T>) == 0);
  CHECK(at_edge(exp_of, std::numeric_limits<T>::lowest()) == 0);
  CHECK(at_edge(exp_of, underflow<T>) >= std::numeric_limits<T>::min());
  CHECK(at_edge(exp_of, std::nextafter(underflow<T>, -infinity<T>)) == 0);
  CHECK(std::isnan(at_edge(exp_of, not_a_number<T>)));
  CHECK(std::isnan(at_edge(exp_of, -not_a_number<T>)));
}

TEST_CASE_TEMPLATE("expm1_nonpositive at its ends", T, float, double) {
  CHECK(at_edge(expm1_of, T(0)) == 0);
  CHECK(at_edge(expm1_of, T(-0.0)) == 0);
  CHECK(at_edge(expm1_of, -smallest<T>) == -smallest<T>);
  CHECK(at_edge(expm1_of, -infinity<T>) == -1);
  CHECK(at_edge(expm1_of, T(-1000)) == -1);
  CHECK(std::isnan(at_edge(expm1_of, not_a_number<T>)));
}

TEST_CASE_TEMPLATE("phi_small is never negative and is 0 only where x² / 2 is", T, float, double) {
  CHECK(at_edge(phi_of, T(0)) == 0);
  CHECK(at_edge(phi_of, T(-0.0)) == 0);
  CHECK(at_edge(phi_of, smallest<T>) == 0);
  const T x = std::numeric_limits<T>::epsilon() / 1024;
  CHECK(at_edge(phi_of, x) == x * x / 2);
  CHECK(at_edge(phi_of, -x) == x * x / 2);
  CHECK(std::isnan(at_edge(phi_of, not_a_number<T>)));
}

TEST_CASE_TEMPLATE("log1p at its ends", T, float, double) {
  CHECK(at_edge(log1p_of, T(0)) == 0);
  CHECK(at_edge(log1p_of, smallest<T>) == smallest<T>);
  CHECK(at_edge(log1p_of, -smallest<T>) == -smallest<T>);
  CHECK(at_edge(log1p_of, T(-1)) == -infinity<T>);
  CHECK(std::isnan(at_edge(log1p_of, std::nextafter(T(-1), T(-2)))));
  CHECK(std::isnan(at_edge(log1p_of, T(-3))));
  CHECK(std::isnan(at_edge(log1p_of, -infinity<T>)));
  CHECK(at_edge(log1p_of, infinity<T>) == infinity<T>);
  CHECK(std::isnan(at_edge(log1p_of, not_a_number<T>)));
}

TEST_CASE_TEMPLATE("log at its ends", T, float, double) {
  CHECK(at_edge(log_of, T(1)) == 0);
  CHECK(at_edge(log_of, T(0)) == -infinity<T>);
  CHECK(at_edge(log_of, T(-0.0)) == -infinity<T>);
  CHECK(at_edge(log_of, smallest<T>) == doctest::Approx(std::log(double(smallest<T>))));
  CHECK(std::isnan(at_edge(log_of, -smallest<T>)));
  CHECK(std::isnan(at_edge(log_of, -infinity<T>)));
  CHECK(at_edge(log_of, infinity<T>) == infinity<T>);
  CHECK(std::isnan(at_edge(log_of, not_a_number<T>)));
}

TEST_CASE_TEMPLATE("mass_times: no mass wins over an infinite factor", T, float, double) {
  CHECK(distill::mass_times(T(0), infinity<T>) == 0);
  CHECK(distill::mass_times(T(-0.0), -infinity<T>) == 0);
  CHECK(distill::mass_times(T(0.25), infinity<T>) == infinity<T>);
  CHECK(distill::mass_times(T(0.25), T(-8)) == -2);
  CHECK(std::isnan(distill::mass_times(not_a_number<T>, T(1))));
}
