#include <doctest/doctest.h>

#include <distill/objective/hellinger.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("hellinger: value and gradients against 50-digit references") {
  harness::against_references(
      "hellinger", [](const harness::parameters& p) { return distill::hellinger{.temperature = p.temperature}; },
      {.shift = harness::common_shift::linear});
}

TEST_CASE("hellinger: properties") { harness::battery(distill::hellinger{}); }
