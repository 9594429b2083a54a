#include <doctest/doctest.h>

#include <distill/objective/z_loss.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("z_loss: value and gradients against 50-digit references") {
  harness::against_references(
      "z_loss", [](const harness::parameters& p) { return distill::z_loss{.temperature = p.temperature}; });
}

TEST_CASE("z_loss: properties") { harness::battery(distill::z_loss{}); }
