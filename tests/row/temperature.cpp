// The gradient to a temperature, and through rows that are standardised.
#include <doctest/doctest.h>

#include <distill/objective/binary_kl.hpp>
#include <distill/objective/cross_entropy.hpp>
#include <distill/objective/dkd.hpp>
#include <distill/objective/hinge_rank.hpp>
#include <distill/objective/jensen_shannon.hpp>
#include <distill/objective/kl.hpp>
#include <distill/objective/logistic_rank.hpp>
#include <distill/objective/logit_mse.hpp>
#include <distill/objective/margin_mse.hpp>
#include <distill/objective/renyi.hpp>
#include <distill/objective/top_k_kl.hpp>
#include <distill/objective/uld.hpp>
#include <distill/objective/z_loss.hpp>
#include <distill/row/adaptor.hpp>
#include <distill/schedule/curriculum_temperature.hpp>

#include "harness/mathematics.hpp"

namespace {

using distill::matrix_view;
using harness::random_problem;
using harness::solve;

/// dT of every row and leaf.
template <class T, class Objective>
std::vector<double> to_temperature(const Objective& objective, const harness::problem<T>& p,
                                   const distill::row_options& options = {.reduction = distill::reduction::sum()}) {
  const auto leaves = distill::sum_of<Objective>::leaves;
  std::vector<double> result(static_cast<std::size_t>(p.rows * leaves), 777);
  distill::gradients<T> out;
  out.temperature = matrix_view<double>(result.data(), p.rows, leaves);
  distill::value_and_gradient(objective, harness::inputs_of(objective, p), out, options);
  return result;
}

/// `at(T)` is the objective at one temperature.
template <class At>
void is_a_difference(const At& at) {
  for (const int columns : {2, 7, 70}) {
    const auto p = random_problem<double>(3, columns, 21, 1.5);
    const double t = 2.5, h = 1e-3;
    const auto got = to_temperature(at(t), p);
    const double whole = std::accumulate(got.begin(), got.end(), 0.0);
    const auto value = [&](double x) { return solve(at(x), p).value; };
    const double slope = (8 * (value(t + h) - value(t - h)) - (value(t + 2 * h) - value(t - 2 * h))) / (12 * h);
    CAPTURE(columns);
    CHECK(whole == doctest::Approx(slope).epsilon(1e-8));
  }
}

}  // namespace

TEST_CASE("the gradient to the temperature is the value's derivative") {
  using distill::temperature_scaling;
  is_a_difference([](double t) { return distill::kl{.temperature = t}; });
  is_a_difference([](double t) { return distill::kl{.temperature = t, .scaling = temperature_scaling::none}; });
  is_a_difference([](double t) { return distill::jensen_shannon{.beta = 0.3, .temperature = t}; });
  is_a_difference([](double t) { return distill::renyi{.alpha = 0.7, .temperature = t}; });
  is_a_difference([](double t) { return distill::cross_entropy{.label_smoothing = 0.1, .temperature = t}; });
  is_a_difference([](double t) { return distill::z_loss{.temperature = t}; });
  is_a_difference([](double t) { return distill::dkd{.temperature = t}; });
  is_a_difference([](double t) { return distill::binary_kl{.temperature = t}; });
  is_a_difference([](double t) { return distill::logit_mse{.temperature = t}; });
  is_a_difference([](double t) { return distill::top_k_kl{.temperature = t}; });
  is_a_difference([](double t) { return distill::uld{.head = 1, .temperature = t}; });
  is_a_difference([](double t) { return distill::standardised(distill::kl{.temperature = t}); });
  using distill::operator*;
  using distill::operator+;
  is_a_difference(
      [](double t) { return 0.7 * distill::kl{.temperature = t} + 0.3 * distill::cross_entropy{.temperature = t}; });
}

TEST_CASE("temperatures by row have gradients by row") {
  const auto p = random_problem<double>(4, 10, 22);
  const std::vector<double> taus{1, 2, 3, 4};
  const auto together = to_temperature(distill::kl{.temperature = taus}, p);
  for (int r = 0; r < 4; ++r) {
    const auto alone = to_temperature(distill::kl{.temperature = taus[static_cast<std::size_t>(r)]}, part_of(p, r, 1));
    CHECK(together[static_cast<std::size_t>(r)] == alone[0]);
  }
}

TEST_CASE("gradients to the temperature carry weights, upstream and store mode; rows that take no part give 0") {
  const auto p = random_problem<double>(3, 10, 23);
  const distill::kl objective{.temperature = 2};
  const auto plain = to_temperature(objective, p);
  const std::vector<double> weights{2, 0, 1};
  const auto weighted =
      to_temperature(objective, p, {.reduction = distill::reduction::sum(), .weights = weights, .upstream = 3});
  CHECK(weighted[0] == doctest::Approx(6 * plain[0]));
  CHECK(weighted[1] == 0);
  CHECK(weighted[2] == doctest::Approx(3 * plain[2]));
}

TEST_CASE("a matrix of the wrong shape for the temperature's gradient is refused") {
  const auto p = random_problem<double>(3, 10, 24);
  std::vector<double> room(6);
  distill::gradients<double> out;
  out.temperature = matrix_view<double>(room.data(), 3, 2);
  CHECK_THROWS_WITH_AS(distill::value_and_gradient(distill::kl{}, harness::inputs_of(distill::kl{}, p), out),
                       "distill: gradient of temperature is 3 x 2, must be 3 rows x 1 leaves", distill::argument_error);
}

TEST_CASE("a standardised row is the row divided by its deviation beforehand") {
  const auto p = random_problem<double>(4, 12, 25);
  auto divided = p;
  for (auto* side : {&divided.student, &divided.teacher})
    for (int r = 0; r < 4; ++r) {
      double mean = 0, squares = 0;
      for (int c = 0; c < 12; ++c) mean += (*side)[static_cast<std::size_t>(r * 12 + c)] / 12;
      for (int c = 0; c < 12; ++c) squares += std::pow((*side)[static_cast<std::size_t>(r * 12 + c)] - mean, 2);
      for (int c = 0; c < 12; ++c) (*side)[static_cast<std::size_t>(r * 12 + c)] /= std::sqrt(squares / 11);
    }
  const distill::kl objective{.temperature = 2};
  CHECK(solve(distill::standardised(objective), p).value ==
        doctest::Approx(solve(objective, divided).value).epsilon(1e-13));
}

TEST_CASE("the gradient flows through the deviation") {
  harness::gradients_are_differences(distill::standardised(distill::kl{.temperature = 2}));
  harness::gradients_are_differences(distill::standardised(distill::dkd{.temperature = 2}));
  harness::gradients_are_differences(distill::standardised(distill::cross_entropy{.label_smoothing = 0.1}));
  harness::gradients_are_differences(distill::standardised(distill::z_loss{}));
  harness::gradients_are_differences(distill::standardised(distill::logit_mse{}));
  harness::gradients_are_differences(distill::standardised(distill::kl{}) + distill::kl{.temperature = 2});
  harness::masking_is_deletion<double>(distill::standardised(distill::kl{.temperature = 2}));
  harness::masking_is_deletion<float>(distill::standardised(distill::kl{.temperature = 2}));
}

TEST_CASE_TEMPLATE("a constant row has no deviation: it is uniform, with gradient 0", T, float, double) {
  for (const int columns : {1, 2, 70}) {
    auto p = random_problem<T>(2, columns, 26);
    for (int c = 0; c < columns; ++c) p.student_at(0, c) = T(3);
    const auto got = solve(distill::standardised(distill::kl{.temperature = 2}), p);
    CHECK(std::isfinite(got.value));
    for (int c = 0; c < columns; ++c) CHECK(got.student[static_cast<std::size_t>(c)] == 0);
  }
}

TEST_CASE("curriculum temperature: range, slope, schedule, ascent") {
  distill::curriculum_temperature tau;
  CHECK(tau.value() == doctest::Approx(11));
  CHECK(tau.strength(0) == 0);
  CHECK(tau.strength(5) == doctest::Approx(-0.5));
  CHECK(tau.strength(10) == -1);
  CHECK(tau.strength(99) == -1);
  const double h = 1e-6;
  auto up = tau, down = tau;
  up.theta += h, down.theta -= h;
  CHECK(tau.slope() == doctest::Approx((up.value() - down.value()) / (2 * h)));
  tau.step(0.5, 10, 0.1);  // the loss grows with T: the temperature is pushed up
  CHECK(tau.theta == doctest::Approx(0.1 * 0.5 * 5));
  CHECK_THROWS_AS((distill::curriculum_temperature{.epochs = 0}.strength(1)), distill::argument_error);
}

TEST_CASE("the gradient to the temperature: a list that is empty moves nothing") {
  auto p = random_problem<float>(3, 20, 22);
  for (distill::index c = 0; c < 20; ++c) p.student_at(1, c) = p.teacher_at(1, c) = -harness::infinity<float>;
  const auto check = [&](const auto& objective) {
    const auto got = to_temperature(objective, p);
    CHECK(std::isfinite(got[0]));
    CHECK(got[0] != 0);
    CHECK(got[1] == 0);
    CHECK(std::isfinite(got[2]));
  };
  check(distill::margin_mse{.temperature = 2});
  check(distill::hinge_rank{.temperature = 2});
  check(distill::logistic_rank{.temperature = 2});
  check(distill::logit_mse{.temperature = 2});
}
