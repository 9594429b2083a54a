#include <doctest/doctest.h>

#include <distill/objective/brier.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("brier: value and gradients against 50-digit references") {
  harness::against_references(
      "brier", [](const harness::parameters& p) { return distill::brier{.temperature = p.temperature}; });
}

TEST_CASE("brier: properties") { harness::battery(distill::brier{}); }
