#include <doctest/doctest.h>

#include <distill/objective/soft_cross_entropy.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("soft_cross_entropy: value and gradients against 50-digit references") {
  harness::against_references("soft_cross_entropy", [](const harness::parameters& p) {
    return distill::soft_cross_entropy{.temperature = p.temperature};
  });
}

TEST_CASE("soft_cross_entropy: properties") { harness::battery(distill::soft_cross_entropy{}); }
