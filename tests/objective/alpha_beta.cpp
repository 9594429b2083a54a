#include <doctest/doctest.h>

#include <distill/objective/alpha_beta.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

// exp(s log p) carries the rounding of log p times the exponent; s = 0.01 divides by itself. At α = β = 0 slopes are d
// itself, and do not take the normalisers' rounding away.
TEST_CASE("alpha_beta: value and gradients against 50-digit references") {
  harness::against_references("alpha_beta",
                              [](const harness::parameters& p) {
                                return distill::alpha_beta{
                                    .alpha = p["alpha"], .beta = p["beta"], .temperature = p.temperature};
                              },
                              {.value_ulp = 100, .gradient_ulp = 1500, .shift = harness::common_shift::quadratic});
}

TEST_CASE("alpha_beta: properties") { harness::battery(distill::alpha_beta{}); }

TEST_CASE("alpha_beta: at 0 and 0 a class that one side masks costs infinitely much") {
  auto p = harness::random_problem<double>(1, 20, 3);
  p.student_at(0, 4) = -INFINITY;
  CHECK(harness::solve(distill::alpha_beta{.alpha = 0, .beta = 0}, p).value == INFINITY);
  p.teacher_at(0, 4) = -INFINITY;
  CHECK(std::isfinite(harness::solve(distill::alpha_beta{.alpha = 0, .beta = 0}, p).value));
}
