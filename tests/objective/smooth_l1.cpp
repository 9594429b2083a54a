#include <doctest/doctest.h>

#include <distill/objective/smooth_l1.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("smooth_l1: value and gradients against 50-digit references") {
  harness::against_references("smooth_l1", [](const harness::parameters& p) {
    return distill::smooth_l1{.temperature = p.temperature, .beta = p["beta"]};
  });
}

TEST_CASE("smooth_l1: properties") { harness::battery(distill::smooth_l1{.beta = 0.75}); }
