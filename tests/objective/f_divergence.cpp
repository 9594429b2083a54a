#include <doctest/doctest.h>

#include <distill/objective/f_divergence.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("f_divergence: value and gradients against 50-digit references") {
  harness::against_references(
      "f_divergence",
      [](const harness::parameters& p) { return distill::f_divergence<>{.temperature = p.temperature}; },
      {.value_ulp = 24});
}

TEST_CASE("f_divergence: properties") { harness::battery(distill::f_divergence<>{}); }
