#include <doctest/doctest.h>
#include <distill/metric/calibration.hpp>

#include <cmath>
#include <Eigen/Core>
#include <limits>
#include <vector>

namespace {

using distill::argument_error;
using distill::calibration;
using distill::detail::calibration_bin;
constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

doctest::Approx about(double value) { return doctest::Approx(value).epsilon(1e-14).scale(0); }

}  // namespace

TEST_CASE("calibration: bins are open below and closed above") {
  CHECK(calibration_bin(0.0, 10) == 0);
  CHECK(calibration_bin(5e-324, 10) == 0);
  CHECK(calibration_bin(1.0, 10) == 9);
  CHECK(calibration_bin(1.0, 1) == 0);
  CHECK(calibration_bin(0.0, 1) == 0);
  for (const int bins : {2, 3, 7, 10, 15, 49, 100, 1000})
    for (int k = 1; k < bins; ++k) {
      const double edge = static_cast<double>(k) / bins;
      CAPTURE(bins);
      CAPTURE(k);
      CHECK(calibration_bin(edge, bins) == k - 1);
      CHECK(calibration_bin(std::nextafter(edge, 1.0), bins) == k);
      CHECK(calibration_bin(std::nextafter(edge, 0.0), bins) == k - 1);
    }
}

TEST_CASE("calibration: a table worked out by hand") {
  // Confidences 0.5 (exactly on an edge, tie: class 0), 0.5, 0.8, 0.8, 0.8, 1 in four bins.
  const double four = std::log(4.0);
  const Eigen::MatrixXd z{{0, 0}, {3, 3}, {0, four}, {four, 0}, {0, four}, {-inf, 0}};
  const auto report = calibration(z, std::vector{0, 1, 1, 0, 0, 0}, 4);
  REQUIRE(report.bins.size() == 4);
  CHECK(report.bins[0].count == 0);
  CHECK(report.bins[0].confidence == 0);
  CHECK(report.bins[0].accuracy == 0);
  CHECK(report.bins[1].count == 2);
  CHECK(report.bins[1].confidence == 0.5);
  CHECK(report.bins[1].accuracy == 0.5);
  CHECK(report.bins[2].count == 0);
  CHECK(report.bins[3].count == 4);
  CHECK(report.bins[3].confidence == about(3.4 / 4));
  CHECK(report.bins[3].accuracy == 0.5);
  CHECK(report.expected_error == about(4.0 / 6 * 0.35));
  CHECK(report.maximum_error == about(0.35));
  CHECK(report.root_mean_square == about(std::sqrt(4.0 / 6) * 0.35));
}

TEST_CASE("calibration: extremes") {
  const Eigen::MatrixXf sure{{100, -100}, {100, -100}};
  CHECK(calibration(sure, std::vector{0, 0}).expected_error == doctest::Approx(0).epsilon(1e-15));
  CHECK(calibration(sure, std::vector{1, 1}).expected_error == 1);
  CHECK(calibration(sure, std::vector{1, 1}).maximum_error == 1);
  CHECK(calibration(sure, std::vector{0, 1}).expected_error == 0.5);
  CHECK(calibration(sure, std::vector{0, 1}).bins.size() == 15);
  CHECK(calibration(sure, std::vector{0, 1}).bins[14].count == 2);

  const auto one_class = calibration(Eigen::MatrixXd{{-3}, {8}}, std::vector{0, 0}, 1);
  CHECK(one_class.expected_error == 0);
  CHECK(one_class.bins[0].count == 2);
  CHECK(one_class.bins[0].confidence == 1);

  // Uniform over ten classes: confidence 0.1 sits on the first edge of ten bins, hence in the first bin.
  const auto uniform =
      calibration(Eigen::MatrixXd(Eigen::MatrixXd::Zero(10, 10)), std::vector{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 10);
  CHECK(uniform.bins[0].count == 10);
  CHECK(uniform.expected_error == doctest::Approx(0).epsilon(1e-15));
}

TEST_CASE("calibration: an undefined row makes the errors NaN and is in no bin") {
  using row = Eigen::RowVector2d;
  for (const row& bad : {row(0, not_a_number), row(not_a_number, 0), row(-inf, -inf), row(inf, 0)}) {
    Eigen::MatrixXd z{{2, 1}, {0, 0}};
    z.row(1) = bad;
    const auto report = calibration(z, std::vector{0, 0}, 2);
    CHECK(std::isnan(report.expected_error));
    CHECK(std::isnan(report.maximum_error));
    CHECK(std::isnan(report.root_mean_square));
    CHECK(report.bins[0].count + report.bins[1].count == 1);
  }
  CHECK(std::isnan(calibration(Eigen::MatrixXd{{inf}}, std::vector{0}).expected_error));
}

TEST_CASE("calibration: errors") {
  const Eigen::MatrixXd z = Eigen::MatrixXd::Zero(2, 3);
  CHECK_THROWS_WITH_AS(calibration(z, std::vector{0, 1}, 0), "distill: calibration: bins is 0, at least 1 is needed",
                       argument_error);
  CHECK_THROWS_WITH_AS(calibration(z, std::vector{0, 1, 2}), "distill: calibration: logits has 2 rows, labels has 3",
                       argument_error);
  CHECK_THROWS_WITH_AS(calibration(z, std::vector{-1, 1}), "distill: calibration: labels[0] is -1, classes are 0 to 2",
                       argument_error);
  CHECK_THROWS_WITH_AS(calibration(Eigen::MatrixXd(0, 0), std::vector<int>{}),
                       "distill: calibration: logits is empty (0 x 0)", argument_error);
}
