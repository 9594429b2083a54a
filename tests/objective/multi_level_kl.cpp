#include <doctest/doctest.h>

#include <distill/objective/multi_level_kl.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("multi_level_kl: value and gradients against 50-digit references") {
  harness::against_references("multi_level_kl", [](const harness::parameters&) { return distill::multi_level_kl{}; });
}

TEST_CASE("multi_level_kl: properties") { harness::battery(distill::multi_level_kl{}); }
