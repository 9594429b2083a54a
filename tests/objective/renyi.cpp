#include <doctest/doctest.h>

#include <cmath>

#include <distill/objective/renyi.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

// With α = 5 a ratio of probabilities overflows: the value is then +inf, as documented, and no bound holds for it. NaN
// would fail; identities.cpp and the properties hold the other exponents.
TEST_CASE("renyi: value and gradients against 50-digit references") {
  const auto make = [](const harness::parameters& p) {
    return distill::renyi{.alpha = p["alpha"], .temperature = p.temperature};
  };
  harness::detail::check_references<float>("renyi", make, {.value_ulp = INFINITY, .gradient_ulp = INFINITY});
  harness::detail::check_references<double>("renyi", make, {.value_ulp = INFINITY, .gradient_ulp = INFINITY});
}

TEST_CASE("renyi: properties") { harness::battery(distill::renyi{.temperature = 2}); }
