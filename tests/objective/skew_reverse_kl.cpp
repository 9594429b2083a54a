#include <doctest/doctest.h>

#include <distill/objective/skew_reverse_kl.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("skew_reverse_kl: value and gradients against 50-digit references") {
  harness::against_references("skew_reverse_kl", [](const harness::parameters& p) {
    return distill::skew_reverse_kl{.lambda = p["lambda"], .temperature = p.temperature};
  });
}

TEST_CASE("skew_reverse_kl: properties") { harness::battery(distill::skew_reverse_kl{}); }
