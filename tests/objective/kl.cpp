#include <doctest/doctest.h>

#include <distill/objective/kl.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE_TEMPLATE("kl: value and gradients against 50-digit references", T, float, double) {
  for (const auto& c : harness::reference_cases("kl"))
    if (c.row.both || sizeof(T) == 8)
      harness::check_case<T>(c, distill::kl{.temperature = c.temperature},
                             {.value = sizeof(T) == 4 ? 1e-6 : 1e-14, .gradient_ulp = 2}, false, true);
}

TEST_CASE("kl: properties") { harness::battery(distill::kl{}); }

TEST_CASE("kl: properties at another temperature") { harness::battery(distill::kl{.temperature = 2.5}); }
