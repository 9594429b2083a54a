#include <doctest/doctest.h>
#include <distill/metric/negative_log_likelihood.hpp>

#include <array>
#include <cmath>
#include <Eigen/Core>
#include <limits>
#include <vector>

namespace {

using distill::argument_error;
using distill::matrix_view;
using distill::negative_log_likelihood;
constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

template <std::size_t N>
double of_row(const std::array<double, N>& logits, int label) {
  return negative_log_likelihood(matrix_view(logits.data(), 1, static_cast<distill::index>(N)), std::vector{label});
}

/// doctest's default tolerance is 1.2e-5, far from what is promised here.
doctest::Approx about(double value) { return doctest::Approx(value).epsilon(1e-15).scale(0); }

}  // namespace

TEST_CASE("negative_log_likelihood: closed forms") {
  CHECK(of_row(std::array{0.0, 0.0, 0.0, 0.0}, 2) == about(std::log(4.0)));
  CHECK(of_row(std::array{std::log(1.0), std::log(2.0), std::log(5.0)}, 1) == about(std::log(4.0)));
  CHECK(of_row(std::array{1000.0, 1000.0}, 0) == about(std::log(2.0)));
  CHECK(of_row(std::array{-800.0, 800.0}, 0) == 1600);
  CHECK(of_row(std::array{50.0, 0.0}, 0) == about(std::exp(-50.0)));  // a plain log-sum-exp gives 0
  CHECK(of_row(std::array{3.0}, 0) == 0);
  CHECK(of_row(std::array{std::numeric_limits<double>::max(), -std::numeric_limits<double>::max()}, 0) == 0);
}

TEST_CASE("negative_log_likelihood: a mean over rows, whatever the storage") {
  const Eigen::MatrixXf z{{0, 0}, {-800, 800}, {0, 0}, {800, -800}};
  const double expected = (2 * std::log(2.0) + 1600) / 4;
  CHECK(negative_log_likelihood(z, Eigen::Vector4i(0, 0, 1, 0)) == about(expected));
  CHECK(negative_log_likelihood(matrix_view<const float>(z), Eigen::Vector4i(0, 0, 1, 0)) == about(expected));
}

TEST_CASE("negative_log_likelihood: -inf, +inf and NaN") {
  CHECK(of_row(std::array{0.0, -inf, 0.0}, 0) == about(std::log(2.0)));  // masking is deletion
  CHECK(of_row(std::array{0.0, -inf, 0.0}, 1) == inf);
  CHECK(of_row(std::array{-inf, 2.0}, 1) == 0);
  CHECK(std::isnan(of_row(std::array{-inf, -inf}, 0)));
  CHECK(std::isnan(of_row(std::array{-inf}, 0)));
  CHECK(std::isnan(of_row(std::array{inf, 0.0}, 0)));
  CHECK(std::isnan(of_row(std::array{inf, 0.0}, 1)));
  CHECK(std::isnan(of_row(std::array{inf}, 0)));
  CHECK(std::isnan(of_row(std::array{0.0, not_a_number}, 0)));
  const std::array<double, 4> later{0, -inf, not_a_number, 0};
  CHECK(std::isnan(negative_log_likelihood(matrix_view(later.data(), 2, 2), std::vector{1, 1})));
}

TEST_CASE("negative_log_likelihood: errors") {
  const Eigen::MatrixXd z = Eigen::MatrixXd::Zero(2, 3);
  CHECK_THROWS_WITH_AS(negative_log_likelihood(z, std::vector{0}),
                       "distill: negative_log_likelihood: logits has 2 rows, labels has 1", argument_error);
  CHECK_THROWS_WITH_AS(negative_log_likelihood(z, std::vector{0, 3}),
                       "distill: negative_log_likelihood: labels[1] is 3, classes are 0 to 2", argument_error);
  CHECK_THROWS_WITH_AS(negative_log_likelihood(Eigen::MatrixXd(0, 3), std::vector<int>{}),
                       "distill: negative_log_likelihood: logits is empty (0 x 3)", argument_error);
}
