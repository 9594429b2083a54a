#include <doctest/doctest.h>
#include <distill/metric/adaptive_calibration.hpp>
#include <distill/metric/brier_score.hpp>
#include <distill/metric/calibration.hpp>
#include <distill/metric/classwise_calibration.hpp>
#include <distill/metric/negative_log_likelihood.hpp>

#include <cmath>
#include <Eigen/Core>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace {

using distill::adaptive_calibration;
using distill::argument_error;
using distill::brier_score;
using distill::calibration;
using distill::classwise_calibration;
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

namespace {

/// What tests/reference/generate_calibration.py has found for the same logits.
struct reference {
  Eigen::MatrixXd logits{101, 5};
  std::vector<int> labels;
  std::map<std::string, std::vector<double>> wanted;

  reference() {
    const auto number = [](int i, int seed) { return ((i * i * 37 + i * 7919 + seed * 104729) % 1021 - 510) / 128.0; };
    for (int r = 0; r < 101; ++r)
      for (int c = 0; c < 5; ++c) logits(r, c) = number(r * 5 + c, 5) + r * c / 4096.0;
    for (int k = 0; k < 20; ++k) logits.row(3 * k + 1) = logits.row(3 * k);
    std::ifstream file(DISTILL_TEST_DATA "/calibration.txt");
    for (std::string line, tag; std::getline(file, line);) {
      std::istringstream words(line);
      words >> tag;
      for (double value; words >> value;) wanted[tag].push_back(value);
    }
    REQUIRE(wanted.at("labels").size() == 101);
    for (const double label : wanted.at("labels")) labels.push_back(static_cast<int>(label));
  }
};

}  // namespace

TEST_CASE("calibration, adaptive, class-wise, Brier and likelihood beside NumPy") {
  const reference r;
  const auto near = [](double value) { return doctest::Approx(value).epsilon(1e-14).scale(1); };
  for (const int bins : {1, 4, 15, 200}) {
    CAPTURE(bins);
    const std::string m = std::to_string(bins);
    const auto same = [&](const distill::calibration_report& report, const std::string& name) {
      CHECK(report.expected_error == near(r.wanted.at(name + m)[0]));
      CHECK(report.maximum_error == near(r.wanted.at(name + m)[1]));
      CHECK(report.root_mean_square == near(r.wanted.at(name + m)[2]));
    };
    same(calibration(r.logits, r.labels, bins), "calibration");
    const auto adaptive = adaptive_calibration(r.logits, r.labels, bins);
    same(adaptive, "adaptive");
    for (std::size_t k = 0; k < adaptive.bins.size(); ++k)
      CHECK(static_cast<double>(adaptive.bins[k].count) == r.wanted.at("counts" + m)[k]);
    const auto classwise = classwise_calibration(r.logits, r.labels, bins);
    double mean = 0;
    for (std::size_t c = 0; c < 5; ++c) {
      CHECK(classwise.by_class[c] == near(r.wanted.at("classwise" + m)[c]));
      mean += r.wanted.at("classwise" + m)[c] / 5;
    }
    CHECK(classwise.expected_error == near(mean));
  }
  CHECK(brier_score(r.logits, r.labels) == near(r.wanted.at("brier")[0]));
  CHECK(distill::negative_log_likelihood(r.logits, r.labels) == near(r.wanted.at("nll")[0]));
}

TEST_CASE("adaptive_calibration: bins of as many rows, equal confidences together") {
  const double four = std::log(4.0), nine = std::log(9.0);
  // Confidences 0.5, 0.5, 0.5, 0.8, 0.9, 1 in three bins: the third 0.5 would begin the second one.
  const Eigen::MatrixXd z{{0, 0}, {nine, 0}, {0, 0}, {-inf, 0}, {0, four}, {0, 0}};
  const auto report = adaptive_calibration(z, std::vector{0, 0, 1, 1, 0, 1}, 3);
  REQUIRE(report.bins.size() == 3);
  CHECK(report.bins[0].count == 3);
  CHECK(report.bins[0].accuracy == about(1.0 / 3));
  CHECK(report.bins[1].count == 1);
  CHECK(report.bins[1].confidence == about(0.8));
  CHECK(report.bins[1].accuracy == 0);
  CHECK(report.bins[2].count == 2);
  CHECK(report.expected_error == about((0.5 + 0.8 + 0.1) / 6));
  CHECK(report.maximum_error == about(0.8));
  // More bins than rows.
  CHECK(adaptive_calibration(Eigen::MatrixXd{{0, four}}, std::vector{1}, 5).expected_error == about(0.2));
}

TEST_CASE("classwise_calibration: by hand") {
  // p = (0.2, 0.8) twice, (0.5, 0.5) once; two bins, 0.5 in the first.
  const double four = std::log(4.0);
  const Eigen::MatrixXd z{{0, four}, {1, 1 + four}, {3, 3}};
  const auto report = classwise_calibration(z, std::vector{0, 1, 1}, 2);
  CHECK(report.by_class[0] == about(std::abs(1 - 0.9) / 3));
  CHECK(report.by_class[1] == about((std::abs(1 - 1.6) + std::abs(1 - 0.5)) / 3));
  CHECK(report.expected_error == about((report.by_class[0] + report.by_class[1]) / 2));
}

TEST_CASE("brier_score: by hand") {
  CHECK(brier_score(Eigen::MatrixXd{{0, std::log(3.0)}}, std::vector{0}) == about(2 * 0.75 * 0.75));
  CHECK(brier_score(Eigen::MatrixXd{{100, -100}}, std::vector{1}) == about(2));
  CHECK(brier_score(Eigen::MatrixXd{{50, 0}}, std::vector{0}) == about(2 * std::exp(-100.0)));
  CHECK(brier_score(Eigen::MatrixXd{{7}}, std::vector{0}) == 0);
  CHECK(brier_score(Eigen::MatrixXd{{-inf, 2, 2}}, std::vector{0}) == about(1.5));
}

TEST_CASE("adaptive, class-wise and Brier: undefined rows and errors") {
  using row = Eigen::RowVector2d;
  for (const row& bad : {row(0, not_a_number), row(not_a_number, 0), row(-inf, -inf), row(inf, 0)}) {
    Eigen::MatrixXd z{{2, 1}, {0, 0}};
    z.row(1) = bad;
    const std::vector labels{0, 0};
    CHECK(std::isnan(adaptive_calibration(z, labels).expected_error));
    CHECK(std::isnan(adaptive_calibration(z, labels).root_mean_square));
    CHECK(std::isnan(classwise_calibration(z, labels).expected_error));
    CHECK(std::isnan(classwise_calibration(z, labels).by_class[1]));
    CHECK(std::isnan(brier_score(z, labels)));
  }
  const Eigen::MatrixXd z = Eigen::MatrixXd::Zero(2, 3);
  CHECK_THROWS_WITH_AS(adaptive_calibration(z, std::vector{0, 1}, 0),
                       "distill: adaptive_calibration: bins is 0, at least 1 is needed", argument_error);
  CHECK_THROWS_WITH_AS(classwise_calibration(z, std::vector{0, 1}, -1),
                       "distill: classwise_calibration: bins is -1, at least 1 is needed", argument_error);
  CHECK_THROWS_WITH_AS(brier_score(z, std::vector{0, 3}), "distill: brier_score: labels[1] is 3, classes are 0 to 2",
                       argument_error);
  CHECK_THROWS_WITH_AS(adaptive_calibration(z, std::vector{0}),
                       "distill: adaptive_calibration: logits has 2 rows, labels has 1", argument_error);
  CHECK_THROWS_WITH_AS(classwise_calibration(Eigen::MatrixXd(0, 0), std::vector<int>{}),
                       "distill: classwise_calibration: logits is empty (0 x 0)", argument_error);
}
