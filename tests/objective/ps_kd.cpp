#include <doctest/doctest.h>

#include <distill/objective/ps_kd.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("ps_kd: value and gradients against 50-digit references") {
  harness::against_references("ps_kd",
                              [](const harness::parameters& p) { return distill::ps_kd{.alpha = p["alpha"]}; });
}

TEST_CASE("ps_kd: properties") { harness::battery(distill::ps_kd{}); }
