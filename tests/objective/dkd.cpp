#include <doctest/doctest.h>

#include <distill/objective/dkd.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("dkd: value and gradients against 50-digit references") {
  harness::against_references("dkd",
                              [](const harness::parameters& p) {
                                return distill::dkd{
                                    .alpha = p["alpha"], .beta = p["beta"], .temperature = p.temperature};
                              },
                              {.shift = harness::common_shift::quadratic});
}

TEST_CASE("dkd: properties") { harness::battery(distill::dkd{}); }
