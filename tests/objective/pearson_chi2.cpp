#include <doctest/doctest.h>

#include <cmath>

#include <distill/objective/pearson_chi2.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

// In float a ratio of probabilities may overflow: the value is then +inf, as documented.
TEST_CASE("pearson_chi2: value and gradients against 50-digit references") {
  const auto make = [](const harness::parameters& p) { return distill::pearson_chi2{.temperature = p.temperature}; };
  harness::detail::check_references<float>("pearson_chi2", make, {.value_ulp = INFINITY, .gradient_ulp = INFINITY});
  harness::detail::check_references<double>("pearson_chi2", make, {.value_ulp = 32, .gradient_ulp = 32});
}

TEST_CASE("pearson_chi2: properties") { harness::battery(distill::pearson_chi2{}); }
