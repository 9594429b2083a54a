#include <doctest/doctest.h>

#include <distill/objective/dac_kl.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("dac_kl: value and gradients against 50-digit references") {
  harness::against_references("dac_kl", [](const harness::parameters& p) {
    return distill::dac_kl{.lower = p["lower"], .upper = p["upper"], .temperature = p.temperature};
  });
}

TEST_CASE("dac_kl: properties") { harness::battery(distill::dac_kl{.lower = 0.2, .upper = 0.9}); }
