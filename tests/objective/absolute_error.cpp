#include <doctest/doctest.h>

#include <distill/objective/absolute_error.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("absolute_error: value and gradients against 50-digit references") {
  harness::against_references("absolute_error", [](const harness::parameters& p) {
    return distill::absolute_error{.temperature = p.temperature};
  });
}

TEST_CASE("absolute_error: properties") { harness::battery(distill::absolute_error{}); }
