#include <doctest/doctest.h>

#include <distill/objective/jensen_shannon.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE_TEMPLATE("jensen_shannon: value and gradients against 50-digit references", T, float, double) {
  for (const auto& c : harness::reference_cases("jensen_shannon"))
    if (c.row.both || sizeof(T) == 8)
      harness::check_case<T>(c, distill::jensen_shannon{.beta = c.parameter, .temperature = c.temperature},
                             {.value = sizeof(T) == 4 ? 1e-6 : 1e-14, .gradient_ulp = 2}, true, true);
}

TEST_CASE("jensen_shannon: properties") { harness::battery(distill::jensen_shannon{}); }

TEST_CASE("jensen_shannon: properties at another beta and temperature") {
  harness::check_mathematics<float>(distill::jensen_shannon{.beta = 1});
  harness::check_mathematics<double>(distill::jensen_shannon{.beta = 0.1, .temperature = 2.5});
}
