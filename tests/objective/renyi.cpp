#include <doctest/doctest.h>

#include <distill/objective/renyi.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

// Sums of p_t^α p_s^{1-α} overflow for α > 1 where their logarithm would not. α = 5 has five times the rounding of d.
TEST_CASE("renyi: value and gradients against 50-digit references") {
  harness::against_references(
      "renyi",
      [](const harness::parameters& p) { return distill::renyi{.alpha = p["alpha"], .temperature = p.temperature}; },
      {.gradient_ulp = 130, .may_overflow = true});
}

TEST_CASE("renyi: properties") { harness::battery(distill::renyi{.temperature = 2}); }

TEST_CASE("renyi: no class in common, no direction") {
  harness::problem<double> p{1, 4, {0, 1, -INFINITY, -INFINITY}, {-INFINITY, -INFINITY, 1, 0}, {0}};
  const auto got = harness::solve(distill::renyi{.alpha = 0.5}, p);
  CHECK(got.value == INFINITY);
  for (std::size_t c = 0; c < 4; ++c) CHECK((got.student[c] == 0 && got.teacher[c] == 0));
}
