#include <doctest/doctest.h>

#include <distill/objective/amari_alpha.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

// e^{-αd} of a large |d| carries the rounding of d; α = -1 in float makes e^{80} of it.
TEST_CASE("amari_alpha: value and gradients against 50-digit references") {
  harness::against_references("amari_alpha",
                              [](const harness::parameters& p) {
                                return distill::amari_alpha{.alpha = p["alpha"], .temperature = p.temperature};
                              },
                              {.value_ulp = 40, .gradient_ulp = 20000});
}

TEST_CASE("amari_alpha: properties") { harness::battery(distill::amari_alpha{}); }

TEST_CASE("amari_alpha: properties at other parameters") {
  harness::check_mathematics<double>(distill::amari_alpha{.alpha = 2, .temperature = 3});
}
