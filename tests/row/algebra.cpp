// A sum of objectives is the weighted sum of separate calls, whatever the engine shares between its leaves.
#include <doctest/doctest.h>

#include <distill/objective/cross_entropy.hpp>
#include <distill/objective/focal.hpp>
#include <distill/objective/jensen_shannon.hpp>
#include <distill/objective/kl.hpp>
#include <distill/objective/logit_mse.hpp>
#include <distill/objective/reverse_kl.hpp>

#include "harness/sums.hpp"

namespace {

using distill::cross_entropy;
using distill::jensen_shannon;
using distill::kl;
using distill::reduction;
using distill::reverse_kl;
using distill::row_options;
using harness::add;
using harness::answer;
using harness::check_sum;
using harness::lengths;
using harness::problem;
using harness::random_problem;
using harness::solve;

}  // namespace

TEST_CASE("three leaves at one temperature share their softmaxes") {
  using T = float;
  for (const int columns : lengths) {
    const auto p = random_problem<T>(9, columns, 71);
    answer<T> expected;
    add(expected, 0.5, solve(kl{.temperature = 2}, p));
    add(expected, 0.25, solve(reverse_kl{.temperature = 2}, p));
    add(expected, 2, solve(jensen_shannon{.beta = 0.3, .temperature = 2}, p));
    check_sum(0.5 * kl{.temperature = 2} + 0.25 * reverse_kl{.temperature = 2} +
                  2 * jensen_shannon{.beta = 0.3, .temperature = 2},
              expected, p, 4);
  }
}

TEST_CASE_TEMPLATE("a second temperature, a power of the first or not", T, float, double) {
  for (const double temperature : {2.0, 3.0, 4.0, 2.5, 0.5, 0.25})
    for (const int columns : lengths) {
      const auto p = random_problem<T>(9, columns, 72);
      answer<T> expected;
      add(expected, 0.9, solve(kl{.temperature = temperature}, p));
      add(expected, 0.1, solve(cross_entropy{}, p));
      CAPTURE(temperature);
      check_sum(0.9 * kl{.temperature = temperature} + 0.1 * cross_entropy{}, expected, p, 1 + temperature);
    }
}

TEST_CASE_TEMPLATE("powers of far logits do not underflow into a wrong sum", T, float, double) {
  auto p = random_problem<T>(9, 33, 73, 25);
  answer<T> expected;
  add(expected, 0.9, solve(kl{.temperature = 4}, p));
  add(expected, 0.1, solve(cross_entropy{}, p));
  check_sum(0.9 * kl{.temperature = 4} + 0.1 * cross_entropy{}, expected, p, 50);
}

TEST_CASE_TEMPLATE("one temperature a row beside a constant one", T, float, double) {
  const std::vector<float> temperatures{1, 2, 3, 4, 2.5f, 0.5f, 8};
  for (const int columns : lengths) {
    const auto p = random_problem<T>(7, columns, 74);
    answer<T> expected;
    add(expected, 0.9, solve(kl{.temperature = temperatures}, p));
    add(expected, 0.1, solve(cross_entropy{}, p));
    check_sum(0.9 * kl{.temperature = temperatures} + 0.1 * cross_entropy{}, expected, p, 8);
  }
}

TEST_CASE("one weight a row, a weight of 0, and weights of a sum") {
  const std::vector<double> weights{1, 0, 2, 0.5, -1};
  const auto p = random_problem<double>(5, 10, 75);
  answer<double> expected;
  for (int r = 0; r < 5; ++r) {
    const auto row = harness::part_of(p, r, 1);
    answer<double> of_row{};
    add(of_row, weights[static_cast<std::size_t>(r)], solve(kl{}, row));
    add(of_row, 1, solve(reverse_kl{}, row));
    expected.value += of_row.value;
    expected.student.insert(expected.student.end(), of_row.student.begin(), of_row.student.end());
    expected.teacher.insert(expected.teacher.end(), of_row.teacher.begin(), of_row.teacher.end());
  }
  check_sum(distill::row_parameter(weights) * kl{} + reverse_kl{}, expected, p, 2);
}

TEST_CASE("weights distribute over sums, from either side") {
  const auto p = random_problem<double>(5, 10, 76);
  const auto spelled = solve(0.6 * kl{} + 0.4 * reverse_kl{}, p);
  CHECK(harness::same(solve(2 * (0.3 * kl{} + 0.2 * reverse_kl{}), p), spelled));
  CHECK(harness::same(solve((kl{} * 0.3 + reverse_kl{} * 0.2) * 2, p), spelled));
  CHECK(harness::distance(solve(kl{} + kl{}, p), solve(2 * kl{}, p), 1) <= 4);
}

TEST_CASE("evaluation::terms are the leaves alone, reduced alike, without their weights") {
  const auto p = random_problem<double>(5, 10, 77);
  const auto objective = 0.9 * kl{.temperature = 4} + 0.1 * cross_entropy{};
  const auto got = distill::value(objective, harness::inputs_of(objective, p));
  CHECK(got.terms[0] == doctest::Approx(solve(kl{.temperature = 4}, p, {}).value).epsilon(1e-14));
  CHECK(got.terms[1] == doctest::Approx(solve(cross_entropy{}, p, {}).value).epsilon(1e-14));
  CHECK(got.value == doctest::Approx(0.9 * got.terms[0] + 0.1 * got.terms[1]).epsilon(1e-14));
}

TEST_CASE("temperature_scaling::none takes the factor T² away") {
  const auto p = random_problem<double>(5, 10, 78);
  const auto with = solve(kl{.temperature = 4}, p);
  const auto without = solve(kl{.temperature = 4, .scaling = distill::temperature_scaling::none}, p);
  answer<double> expected;
  add(expected, 1.0 / 16, with);
  CHECK(harness::distance(without, expected, 1) <= 4);
}

TEST_CASE("the gradient of a sum is the sum of the gradients, for terms of every kind") {
  for (const int columns : {10, 100}) {
    const auto p = random_problem<double>(1, columns, 97);
    const auto check = [&](const auto& first, const auto& second) {
      const auto a = solve(first, p), b = solve(second, p), both = solve(first + second, p);
      CHECK(both.value == doctest::Approx(a.value + b.value).epsilon(1e-14));
      for (std::size_t c = 0; c < both.student.size(); ++c)
        CHECK(both.student[c] == doctest::Approx(a.student[c] + b.student[c]).epsilon(1e-13));
    };
    check(1.0 * distill::cross_entropy{}, 1.0 * distill::focal{});
    check(1.0 * distill::kl{}, 1.0 * distill::logit_mse{});
    check(1.0 * distill::logit_mse{}, 1.0 * distill::kl{});
    const auto plus = solve(1.0 * distill::cross_entropy{}, p), minus = solve(-1.0 * distill::cross_entropy{}, p);
    for (std::size_t c = 0; c < plus.student.size(); ++c) CHECK(minus.student[c] == -plus.student[c]);
  }
}

TEST_CASE("temperatures of the rows are a pointer, their number and a stride") {
  const auto p = random_problem<double>(3, 10, 98);
  const double apart[] = {1, -1, 2, -1, 3, -1}, together[] = {1, 2, 3, -1};
  const auto expected = solve(distill::kl{.temperature = distill::row_parameter(apart, 3, 2)}, p);
  CHECK(solve(distill::kl{.temperature = distill::row_parameter(together, 3)}, p).student == expected.student);
}
