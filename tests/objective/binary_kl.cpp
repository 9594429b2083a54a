#include <doctest/doctest.h>

#include <distill/objective/binary_kl.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("binary_kl: value and gradients against 50-digit references") {
  harness::against_references(
      "binary_kl", [](const harness::parameters& p) { return distill::binary_kl{.temperature = p.temperature}; });
}

TEST_CASE("binary_kl: properties") { harness::battery(distill::binary_kl{}); }
