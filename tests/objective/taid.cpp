#include <doctest/doctest.h>

#include <distill/objective/taid.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

// The mixed row is rounded once, at the size of its logits: 10 000 in the row far_apart.
TEST_CASE("taid: value and gradients against 50-digit references") {
  harness::against_references(
      "taid", [](const harness::parameters& p) { return distill::taid{.t = p["t"], .temperature = p.temperature}; },
      {.value_ulp = 200, .gradient_ulp = 1000});
}

TEST_CASE("taid: properties") { harness::battery(distill::taid{}); }
