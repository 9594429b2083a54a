#include <doctest/doctest.h>

#include <distill/objective/neyman_chi2.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

// A ratio of probabilities may overflow, documented; e^{|d|} has |d|/2 ULP.
TEST_CASE("neyman_chi2: value and gradients against 50-digit references") {
  harness::against_references(
      "neyman_chi2", [](const harness::parameters& p) { return distill::neyman_chi2{.temperature = p.temperature}; },
      {.value_ulp = 32, .gradient_ulp = 32, .may_overflow = true});
}

TEST_CASE("neyman_chi2: properties") { harness::battery(distill::neyman_chi2{}); }
