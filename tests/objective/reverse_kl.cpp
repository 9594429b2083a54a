#include <doctest/doctest.h>

#include <distill/objective/reverse_kl.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("reverse_kl: value and gradients against 50-digit references") {
  harness::against_references(
      "reverse_kl", [](const harness::parameters& p) { return distill::reverse_kl{.temperature = p.temperature}; },
      {.gradient_ulp = 2});
}

TEST_CASE("reverse_kl: properties") { harness::battery(distill::reverse_kl{}); }

TEST_CASE("reverse_kl: properties at another temperature") {
  harness::battery(distill::reverse_kl{.temperature = 2.5});
}
