#include <doctest/doctest.h>

#include <distill/objective/beta_divergence.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("beta_divergence: value and gradients against 50-digit references") {
  harness::against_references("beta_divergence",
                              [](const harness::parameters& p) {
                                return distill::beta_divergence{.beta = p["beta"], .temperature = p.temperature};
                              },
                              {.shift = harness::common_shift::quadratic});
}

TEST_CASE("beta_divergence: properties") { harness::battery(distill::beta_divergence{.beta = 0.4}); }
