#include <doctest/doctest.h>

#include <distill/objective/jeffreys.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("jeffreys: value and gradients against 50-digit references") {
  harness::against_references(
      "jeffreys", [](const harness::parameters& p) { return distill::jeffreys{.temperature = p.temperature}; });
}

TEST_CASE("jeffreys: properties") { harness::battery(distill::jeffreys{}); }
