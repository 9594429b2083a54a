#include <doctest/doctest.h>

#include <distill/objective/nkd.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("nkd: value and gradients against 50-digit references") {
  harness::against_references("nkd", [](const harness::parameters& p) {
    return distill::nkd{.gamma = p["gamma"], .temperature = p.temperature};
  });
}

TEST_CASE("nkd: properties") { harness::battery(distill::nkd{}); }
