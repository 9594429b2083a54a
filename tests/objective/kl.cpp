#include <doctest/doctest.h>

#include <distill/objective/kl.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("kl: value and gradients against 50-digit references") {
  harness::against_references("kl",
                              [](const harness::parameters& p) { return distill::kl{.temperature = p.temperature}; },
                              {.gradient_ulp = 2});
}

TEST_CASE("kl: properties") { harness::battery(distill::kl{}); }

TEST_CASE("kl: properties at another temperature") { harness::battery(distill::kl{.temperature = 2.5}); }
