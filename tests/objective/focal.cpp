#include <doctest/doctest.h>

#include <distill/objective/focal.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

// At a sure and right label (1-p)^{γ-1} divides by what p_y - 1 rounds away.
TEST_CASE("focal: value and gradients against 50-digit references") {
  harness::against_references(
      "focal",
      [](const harness::parameters& p) { return distill::focal{.gamma = p["gamma"], .temperature = p.temperature}; },
      {.gradient_ulp = 1500});
}

TEST_CASE("focal: properties") { harness::battery(distill::focal{}); }

TEST_CASE("focal: a masked label costs infinitely much and pulls like cross-entropy") {
  auto p = harness::random_problem<double>(1, 20, 5);
  p.student_at(0, p.labels[0]) = -INFINITY;
  const auto got = harness::solve(distill::focal{}, p);
  CHECK(got.value == INFINITY);
  CHECK(std::none_of(got.student.begin(), got.student.end(), [](double g) { return std::isnan(g); }));
}
