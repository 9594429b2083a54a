// Softmaxes of mixed rows, and of two rows at different temperatures.
#include <doctest/doctest.h>

#include <distill/objective/kl.hpp>
#include <distill/row/adaptor.hpp>

#include "harness/mathematics.hpp"

namespace {

using distill::element;
using distill::input;
using distill::lane_type;
using distill::objective_info;
using distill::row_mix;
using distill::row_parameter;
using distill::site_pair;
using distill::temperature_scaling;
using distill::terms;
using harness::random_problem;
using harness::solve;
// An objective of another namespace does not bring the library's operators along.
using distill::operator*;
using distill::operator+;

/// TAID's target: KL from softmax(t z_s + (1 - t) z_t) to the student, each side at a temperature of its own.
struct interpolated {
  double t = 0.3;
  bool detached = true;
  row_parameter temperature = 1;
  double target_temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;
  static constexpr objective_info info{
      .name = "interpolated", .formula = "KL of mixed logits", .source = "this test", .zero_at_equality = true};

  site_pair sites() const {
    row_mix mixed{{t, 1 - t}, {detached, false}};
    return {distill::site{row_mix::of(input::student), temperature}, {mixed, target_temperature}};
  }
  template <lane_type V>
  terms<V> operator()(const element<V>& x) const {
    return distill::kl{}(x);
  }
};

constexpr int site_lengths[] = {10, 64, 100};

}  // namespace

TEST_CASE_TEMPLATE("a mixed row is the row that was mixed beforehand", T, float, double) {
  for (const int columns : site_lengths) {
    auto p = random_problem<T>(5, columns, 85);
    const auto got = solve(interpolated{.t = 0.25, .temperature = 2, .target_temperature = 2}, p);
    auto mixed = p;
    for (std::size_t i = 0; i < p.student.size(); ++i) mixed.teacher[i] = (p.student[i] + 3 * p.teacher[i]) / 4;
    auto expected = solve(distill::kl{.temperature = 2}, mixed);
    for (T& g : expected.teacher) g *= T(0.75);
    CAPTURE(columns);
    CHECK(harness::distance(got, expected, 2) <= 16);
  }
}

TEST_CASE("a detached share of a mixed row gets no gradient, an attached one does") {
  // Detached: what the student's gradient is with the target held fixed, checked above. Attached: the whole derivative.
  harness::gradients_are_differences(interpolated{.t = 0.3, .detached = false});
  harness::gradients_are_differences(0.5 * interpolated{.t = 0.3, .detached = false, .temperature = 2} + distill::kl{});
}

TEST_CASE("each side at a temperature of its own") {
  harness::gradients_are_differences(interpolated{.t = 0, .temperature = 2, .target_temperature = 3});
  for (const int columns : site_lengths) {
    const auto p = random_problem<double>(3, columns, 86);
    auto scaled = p;
    for (double& z : scaled.student) z /= 2;
    for (double& z : scaled.teacher) z /= 3;
    const double expected = 4 * solve(distill::kl{}, scaled).value;
    CHECK(solve(interpolated{.t = 0, .temperature = 2, .target_temperature = 3}, p).value ==
          doctest::Approx(expected).epsilon(1e-13));
  }
}

TEST_CASE("a gradient does not depend on which others are asked for") {
  for (const int columns : site_lengths) {
    const auto p = random_problem<double>(3, columns, 87);
    const interpolated objective{.temperature = 2, .target_temperature = 3};
    const auto both = solve(objective, p);
    std::vector<double> alone(p.student.size());
    distill::gradients<double> out;
    out.student = distill::matrix_view<double>(alone.data(), p.rows, p.columns);
    distill::value_and_gradient(objective, harness::inputs_of(objective, p), out,
                                {.reduction = distill::reduction::sum()});
    CHECK(alone == both.student);
  }
}

TEST_CASE("mixed rows are held to the same properties") {
  harness::masking_is_deletion<float>(interpolated{.temperature = 2, .target_temperature = 3});
  harness::masking_is_deletion<double>(interpolated{.temperature = 2, .target_temperature = 3});
  harness::gradients_sum_to_zero<float>(interpolated{.detached = false});
}

TEST_CASE("a row may be the plain sum of two, which is neither of them") {
  const auto p = random_problem<double>(3, 20, 88);
  const row_mix both{.mix = {1, 1}};
  const auto got = solve(distill::substituted(input::teacher, both, distill::kl{}), p);
  auto summed = p;
  for (std::size_t i = 0; i < p.student.size(); ++i) summed.teacher[i] += p.student[i];
  const auto expected = solve(distill::kl{}, summed);
  CHECK(got.value == doctest::Approx(expected.value).epsilon(1e-13));
  for (std::size_t i = 0; i < p.student.size(); ++i) {
    CHECK(got.teacher[i] == doctest::Approx(expected.teacher[i]).epsilon(1e-11));
    CHECK(got.student[i] == doctest::Approx(expected.student[i] + expected.teacher[i]).epsilon(1e-11));
  }
}
