#include <doctest/doctest.h>

#include <distill/objective/alpha_beta.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

// exp(s log p) carries the rounding of log p times the exponent; s = 0.01 divides by itself. At α = β = 0 slopes are d
// itself, and do not take the normalisers' rounding away.
TEST_CASE("alpha_beta: value and gradients against 50-digit references") {
  harness::against_references("alpha_beta",
                              [](const harness::parameters& p) {
                                return distill::alpha_beta{
                                    .alpha = p["alpha"], .beta = p["beta"], .temperature = p.temperature};
                              },
                              {.value_ulp = 100, .gradient_ulp = 1500, .shift = harness::common_shift::quadratic});
}

TEST_CASE("alpha_beta: properties") { harness::battery(distill::alpha_beta{}); }
