#include <doctest/doctest.h>

#include <distill/objective/logit_mse.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("logit_mse: value and gradients against 50-digit references") {
  harness::against_references(
      "logit_mse", [](const harness::parameters& p) { return distill::logit_mse{.temperature = p.temperature}; });
}

TEST_CASE("logit_mse: properties") { harness::battery(distill::logit_mse{}); }
