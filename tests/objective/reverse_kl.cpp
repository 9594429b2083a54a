#include <doctest/doctest.h>

#include <distill/objective/reverse_kl.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE_TEMPLATE("reverse_kl: value and gradients against 50-digit references", T, float, double) {
  for (const auto& c : harness::reference_cases("reverse_kl"))
    if (c.row.both || sizeof(T) == 8)
      harness::check_case<T>(c, distill::reverse_kl{.temperature = c.temperature},
                             {.value = sizeof(T) == 4 ? 1e-6 : 1e-14, .gradient_ulp = 2}, true, false);
}

TEST_CASE("reverse_kl: properties") { harness::battery(distill::reverse_kl{}); }

TEST_CASE("reverse_kl: properties at another temperature") {
  harness::battery(distill::reverse_kl{.temperature = 2.5});
}
