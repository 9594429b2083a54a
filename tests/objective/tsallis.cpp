#include <doctest/doctest.h>

#include <distill/objective/tsallis.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

// As amari_alpha.
TEST_CASE("tsallis: value and gradients against 50-digit references") {
  harness::against_references(
      "tsallis",
      [](const harness::parameters& p) { return distill::tsallis{.alpha = p["alpha"], .temperature = p.temperature}; },
      {.value_ulp = 80, .gradient_ulp = 100});
}

TEST_CASE("tsallis: properties") { harness::battery(distill::tsallis{}); }
