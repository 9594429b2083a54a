#include <doctest/doctest.h>

#include <distill/objective/logit_mse.hpp>
#include <distill/objective/squared_distance.hpp>

#include "harness/battery.hpp"

TEST_CASE("squared_distance: properties") { harness::battery(distill::squared_distance{}); }

TEST_CASE("squared_distance: as many times logit_mse as there are classes") {
  const auto p = harness::random_problem<double>(5, 33, 1);
  const auto sum = harness::solve(distill::squared_distance{}, p), mean = harness::solve(33 * distill::logit_mse{}, p);
  CHECK(sum.value == doctest::Approx(mean.value).epsilon(1e-14));
  CHECK(harness::distance(sum.student, mean.student, 1) <= 4);
}
