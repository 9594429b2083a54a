#include <doctest/doctest.h>

#include <distill/objective/squared_hinge.hpp>

#include "harness/battery.hpp"

TEST_CASE("squared_hinge: properties") { harness::battery(distill::squared_hinge{.temperature = 2, .margin = 0.7}); }

TEST_CASE("squared_hinge: both sides of both boundaries") {
  harness::problem<double> p{1, 6, {-1, 0.25, 3, 1, 0, -2}, {0, -1, -1, 1, 1, 1}, {0}};
  const auto answer = harness::solve(distill::squared_hinge{}, p);
  CHECK(answer.value == 1.25 * 1.25 + 16 + 1 + 9);
  CHECK(answer.student == std::vector<double>{0, 2.5, 8, 0, -2, -6});
  CHECK(answer.teacher == std::vector<double>(6, 0));
}
