// Distillation and hard labels in one sum: reductions that divide each by its own rows, and the engine's battery.
#include <doctest/doctest.h>

#include <distill/objective/cross_entropy.hpp>
#include <distill/objective/kl.hpp>

#include "harness/battery.hpp"
#include "harness/sums.hpp"

namespace {

using distill::cross_entropy;
using distill::kl;
using distill::reduction;
using distill::row_options;
using harness::add;
using harness::answer;
using harness::check_sum;
using harness::lengths;
using harness::problem;
using harness::random_problem;
using harness::solve;

}  // namespace

TEST_CASE_TEMPLATE("mean_valid divides each leaf by the rows that take part in it", T, float, double) {
  for (const int columns : lengths) {
    auto p = random_problem<T>(6, columns, 79);
    p.labels[1] = p.labels[4] = p.labels[5] = -100;  // three labelled rows
    const auto ce = solve(cross_entropy{}, p), divergence = solve(kl{.temperature = 2}, p);
    answer<T> expected;
    add(expected, 0.9 / 6, divergence);
    add(expected, 0.1 / 3, ce);
    const auto sum = 0.9 * kl{.temperature = 2} + 0.1 * cross_entropy{};
    check_sum(sum, expected, p, 2, {.reduction = reduction::mean_valid()});
    // Without a label anywhere only the divergence is left.
    p.labels.assign(6, -100);
    answer<T> unlabelled;
    add(unlabelled, 0.9 / 6, divergence);
    check_sum(sum, unlabelled, p, 2, {.reduction = reduction::mean_valid()});
    const auto nothing = solve(cross_entropy{}, p, {.reduction = reduction::mean_valid()});
    CHECK(nothing.value == 0);
    CHECK(std::all_of(nothing.student.begin(), nothing.student.end(), [](T g) { return g == 0; }));
  }
}

TEST_CASE("mean_weight divides each leaf by the weights of the rows that take part in it") {
  auto p = random_problem<double>(4, 10, 80);
  p.labels[2] = -100;
  const std::vector<double> weights{1, 2, 4, 0};
  answer<double> expected;
  add(expected, 1.0 / 7, solve(kl{}, p, {.reduction = reduction::sum(), .weights = weights}));
  add(expected, 1.0 / 3, solve(cross_entropy{}, p, {.reduction = reduction::sum(), .weights = weights}));
  check_sum(kl{} + cross_entropy{}, expected, p, 1, {.reduction = reduction::mean_weight(), .weights = weights});
}

TEST_CASE("a sum passes the engine's battery like a single objective") {
  const auto mixture = 0.9 * kl{.temperature = 4} + 0.1 * cross_entropy{};
  harness::check_engine<float>(mixture);
  harness::gradients_are_differences(mixture);
}
