#include <doctest/doctest.h>

#include <distill/objective/total_variation.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("total_variation: value and gradients against 50-digit references") {
  harness::against_references(
      "total_variation",
      [](const harness::parameters& p) { return distill::total_variation{.temperature = p.temperature}; },
      {.shift = harness::common_shift::linear});
}

TEST_CASE("total_variation: properties") { harness::battery(distill::total_variation{}); }
