#include <doctest/doctest.h>

#include <distill/objective/wsl.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("wsl: value and gradients against 50-digit references") {
  harness::against_references("wsl",
                              [](const harness::parameters& p) { return distill::wsl{.temperature = p.temperature}; });
}

TEST_CASE("wsl: properties") { harness::battery(distill::wsl{}); }
