#include <doctest/doctest.h>

#include <distill/objective/entropy.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("entropy: value and gradients against 50-digit references") {
  harness::against_references(
      "entropy", [](const harness::parameters& p) { return distill::entropy{.temperature = p.temperature}; });
}

TEST_CASE("entropy: properties") { harness::battery(distill::entropy{}); }
