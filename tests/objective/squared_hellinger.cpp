#include <doctest/doctest.h>

#include <distill/objective/squared_hellinger.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("squared_hellinger: value and gradients against 50-digit references") {
  harness::against_references("squared_hellinger", [](const harness::parameters& p) {
    return distill::squared_hellinger{.temperature = p.temperature};
  });
}

TEST_CASE("squared_hellinger: properties") { harness::battery(distill::squared_hellinger{}); }
