#include <doctest/doctest.h>

#include <distill/objective/adaptive_kl.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("adaptive_kl: value and gradients against 50-digit references") {
  harness::against_references("adaptive_kl", [](const harness::parameters& p) {
    return distill::adaptive_kl{.head_mass = p["head_mass"], .temperature = p.temperature};
  });
}

TEST_CASE("adaptive_kl: properties") { harness::battery(distill::adaptive_kl{}); }
