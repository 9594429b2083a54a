#include <doctest/doctest.h>

#include <distill/objective/lpld.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("lpld: value and gradients against 50-digit references") {
  harness::against_references("lpld", [](const harness::parameters& p) {
    return distill::lpld{.background = static_cast<distill::index>(p["background"]), .temperature = p.temperature};
  });
}

TEST_CASE("lpld: properties") { harness::battery(distill::lpld{.background = 0}); }
