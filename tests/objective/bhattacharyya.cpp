#include <doctest/doctest.h>

#include <cmath>

#include <distill/objective/bhattacharyya.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

// In float, rows 120 apart have no class in common left: the value is then +inf.
TEST_CASE("bhattacharyya: value and gradients against 50-digit references") {
  const auto make = [](const harness::parameters& p) { return distill::bhattacharyya{.temperature = p.temperature}; };
  harness::detail::check_references<float>("bhattacharyya", make, {.value_ulp = INFINITY, .gradient_ulp = INFINITY});
  harness::detail::check_references<double>("bhattacharyya", make, {});
}

TEST_CASE("bhattacharyya: properties") { harness::battery(distill::bhattacharyya{}); }
