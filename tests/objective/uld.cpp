#include <doctest/doctest.h>

#include <distill/objective/uld.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("uld: value and gradients against 50-digit references") {
  harness::against_references("uld",
                              [](const harness::parameters& p) { return distill::uld{.temperature = p.temperature}; },
                              {.shift = harness::common_shift::linear});
}

TEST_CASE("uld: properties") { harness::battery(distill::uld{}); }

TEST_CASE("uld: properties at other parameters") {
  harness::check_mathematics<double>(distill::uld{.head = 3, .temperature = 2});
}
