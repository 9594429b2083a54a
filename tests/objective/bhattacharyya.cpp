#include <doctest/doctest.h>

#include <distill/objective/bhattacharyya.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

// In float, rows 120 apart have no class in common left: the value is then +inf.
TEST_CASE("bhattacharyya: value and gradients against 50-digit references") {
  harness::against_references(
      "bhattacharyya",
      [](const harness::parameters& p) { return distill::bhattacharyya{.temperature = p.temperature}; },
      {.may_overflow = true});
}

TEST_CASE("bhattacharyya: properties") { harness::battery(distill::bhattacharyya{}); }
