#include <doctest/doctest.h>
#include <distill/core/random.hpp>
#include <distill/metric/kendall_tau.hpp>

#include <array>
#include <cmath>
#include <Eigen/Core>
#include <limits>
#include <span>
#include <vector>

namespace {

using distill::argument_error;
using distill::kendall_tau;
constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// Every pair, as defined.
double by_definition(const std::vector<double>& x, const std::vector<double>& y) {
  double net = 0, in_x = 0, in_y = 0;
  const auto sign = [](double a, double b) { return static_cast<double>((a > b) - (a < b)); };
  for (std::size_t i = 0; i < x.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      const double a = sign(x[i], x[j]), b = sign(y[i], y[j]);
      net += a * b, in_x += a * a, in_y += b * b;
    }
  return net / std::sqrt(in_x * in_y);
}

std::vector<double> scores(distill::index n, std::uint64_t seed, double levels) {
  const distill::random_stream random(seed);
  std::vector<double> result;
  for (distill::index i = 0; i < n; ++i)
    result.push_back(std::round(levels * random.normal(static_cast<std::uint64_t>(i))));
  return result;
}

}  // namespace

TEST_CASE("kendall_tau: every pair, with few and many ties") {
  for (const double levels : {0.7, 3.0, 1e6})
    for (distill::index n = 2; n < 70; n += 1 + n / 9) {
      CAPTURE(levels);
      CAPTURE(n);
      const auto x = scores(n, 1, levels), y = scores(n, 2, levels);
      auto mixed = y;
      for (std::size_t i = 0; i < mixed.size(); ++i) mixed[i] += 2 * x[i];
      for (const auto& other : {y, mixed}) {
        const double expected = by_definition(x, other);
        if (std::isnan(expected))
          CHECK(std::isnan(kendall_tau(x, other)));
        else
          CHECK(kendall_tau(x, other) == doctest::Approx(expected).epsilon(1e-14));
        const double turned = kendall_tau(other, x);
        CHECK((turned == kendall_tau(x, other) || (std::isnan(turned) && std::isnan(expected))));
      }
    }
}

TEST_CASE("kendall_tau: the same order, the reverse, any scale and offset") {
  const auto x = scores(1000, 3, 1e7);
  std::vector<float> other, reverse;
  for (const double v : x) other.push_back(static_cast<float>(std::atan(v / 1e7))), reverse.push_back(-other.back());
  CHECK(kendall_tau(x, x) == 1);
  CHECK(kendall_tau(other, other) == 1);
  CHECK(kendall_tau(other, reverse) == -1);
  const auto tied = scores(1000, 4, 2);
  CHECK(kendall_tau(tied, tied) == 1);
  CHECK(kendall_tau(x, tied) == doctest::Approx(by_definition(x, tied)).epsilon(1e-14));
}

TEST_CASE("kendall_tau: small cases by hand") {
  CHECK(kendall_tau(std::array{1.0, 2.0, 3.0}, std::array{1.0, 3.0, 2.0}) == doctest::Approx(1.0 / 3));
  // Of 6 pairs one is tied in x alone, one in y alone, three agree, one does not.
  CHECK(kendall_tau(std::vector<double>{1, 1, 2, 3}, std::vector<double>{1, 2, 2, 0}) ==
        doctest::Approx(by_definition({1, 1, 2, 3}, {1, 2, 2, 0})));
  CHECK(kendall_tau(std::vector<double>{-inf, 0, inf}, std::vector<double>{1, 2, 3}) == 1);
  CHECK(kendall_tau(std::vector<double>{-inf, -inf, 0}, std::vector<double>{-inf, -inf, -9}) == 1);
  CHECK(kendall_tau(std::vector<double>{0.0, 1}, std::vector<double>{5, 7}) == 1);
  CHECK(std::isnan(kendall_tau(std::vector<double>{-0.0, 0.0}, std::vector<double>{5, 7})));
}

TEST_CASE("kendall_tau: what has no order") {
  CHECK(std::isnan(kendall_tau(std::vector<double>{4}, std::vector<double>{4})));
  CHECK(std::isnan(kendall_tau(std::vector<double>{4, 4, 4}, std::vector<double>{1, 2, 3})));
  CHECK(std::isnan(kendall_tau(std::vector<double>{1, 2, 3}, std::vector<double>{1, 2, not_a_number})));
  CHECK(std::isnan(kendall_tau(std::vector<double>{not_a_number, 2, 3}, std::vector<double>{1, 2, 3})));
}

TEST_CASE("kendall_tau: ranges and matrices of any storage; the mean over rows") {
  const Eigen::MatrixXd student{{1, 2, 3, 4}, {0, 5, 5, 1}};
  const Eigen::MatrixXf teacher{{1, 2, 4, 3}, {3, 9, 8, 8}};
  const std::vector<double> own{0, 5, 5, 1}, others{3, 9, 8, 8};
  const double second = by_definition(own, others);
  CHECK(kendall_tau(student.row(1), teacher.row(1)) == doctest::Approx(second).epsilon(1e-14));
  CHECK(kendall_tau(std::span(own), teacher.row(1)) == doctest::Approx(second).epsilon(1e-14));
  CHECK(kendall_tau(Eigen::VectorXd(student.row(1)), others) == doctest::Approx(second).epsilon(1e-14));
  const double expected = (2.0 / 3 + second) / 2;
  CHECK(kendall_tau(student, teacher) == doctest::Approx(expected).epsilon(1e-14));
  CHECK(kendall_tau(distill::matrix_view<const double>(student), teacher) == doctest::Approx(expected).epsilon(1e-14));
  CHECK(std::isnan(kendall_tau(Eigen::MatrixXd{{1, 2}, {3, 3}}, Eigen::MatrixXd{{1, 2}, {3, 4}})));
}

TEST_CASE("kendall_tau: errors") {
  const std::vector<double> three{1, 2, 3}, four{1, 2, 3, 4}, none;
  CHECK_THROWS_WITH_AS(kendall_tau(three, four), "distill: kendall_tau: x has 3 scores, y has 4", argument_error);
  CHECK_THROWS_WITH_AS(kendall_tau(none, three), "distill: kendall_tau: x is empty", argument_error);
  const Eigen::MatrixXd a = Eigen::MatrixXd::Zero(2, 3);
  CHECK_THROWS_WITH_AS(kendall_tau(a, Eigen::MatrixXd(Eigen::MatrixXd::Zero(2, 4))),
                       "distill: kendall_tau: student is 2 x 3, teacher is 2 x 4", argument_error);
  CHECK_THROWS_WITH_AS(kendall_tau(Eigen::MatrixXd(0, 3), a), "distill: kendall_tau: student is empty (0 x 3)",
                       argument_error);
}
