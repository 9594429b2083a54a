#include <doctest/doctest.h>

#include <distill/objective/cross_entropy.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("cross_entropy: value and gradient against 50-digit references") {
  harness::against_references("cross_entropy",
                              [](const harness::parameters& p) {
                                return distill::cross_entropy{.label_smoothing = p["label_smoothing"],
                                                              .temperature = p.temperature};
                              },
                              {.gradient_ulp = 2});
}

TEST_CASE("cross_entropy: properties") { harness::battery(distill::cross_entropy{}); }

TEST_CASE("cross_entropy: properties of smoothed labels at another temperature") {
  harness::battery(distill::cross_entropy{.label_smoothing = 0.1, .temperature = 2.5});
}

TEST_CASE("cross_entropy: the gradient to an input that it does not read is 0") {
  for (const int columns : {10, 100}) {
    const auto got = harness::solve(distill::cross_entropy{}, harness::random_problem<float>(5, columns, 92));
    CHECK(std::all_of(got.teacher.begin(), got.teacher.end(), [](float g) { return g == 0; }));
  }
}

TEST_CASE("cross_entropy: labels smoothed away altogether do not ask for the label") {
  auto p = harness::random_problem<double>(1, 20, 7);
  p.student_at(0, p.labels[0]) = -INFINITY;
  CHECK(std::isfinite(harness::solve(distill::cross_entropy{.label_smoothing = 1}, p).value));
}
