#include <doctest/doctest.h>

#include <distill/objective/cross_entropy.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE_TEMPLATE("cross_entropy: value and gradient against 50-digit references", T, float, double) {
  for (const auto& c : harness::reference_cases("cross_entropy"))
    if (c.row.both || sizeof(T) == 8)
      harness::check_case<T>(c, distill::cross_entropy{.label_smoothing = c.parameter, .temperature = c.temperature},
                             {.value = sizeof(T) == 4 ? 1e-6 : 1e-14, .gradient_ulp = 2}, false, false);
}

TEST_CASE("cross_entropy: properties") { harness::battery(distill::cross_entropy{}); }

TEST_CASE("cross_entropy: properties of smoothed labels at another temperature") {
  harness::battery(distill::cross_entropy{.label_smoothing = 0.1, .temperature = 2.5});
}

TEST_CASE("cross_entropy: the gradient to an input that it does not read is 0") {
  for (const int columns : {10, 100}) {
    const auto got = harness::solve(distill::cross_entropy{}, harness::random_problem<float>(5, columns, 92));
    CHECK(std::all_of(got.teacher.begin(), got.teacher.end(), [](float g) { return g == 0; }));
  }
}
