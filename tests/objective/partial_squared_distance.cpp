#include <doctest/doctest.h>

#include <distill/objective/partial_squared_distance.hpp>

#include "harness/battery.hpp"

TEST_CASE("partial_squared_distance: properties") {
  harness::battery(distill::partial_squared_distance{.temperature = 2});
}

TEST_CASE("partial_squared_distance: two negatives, the student's below, are no difference") {
  harness::problem<double> p{1, 5, {-3, -1, -1, 2, -1}, {-1, -3, 2, 1, 0}, {0}};
  const auto answer = harness::solve(distill::partial_squared_distance{}, p);
  CHECK(answer.value == 0 + 4 + 9 + 1 + 0);
  CHECK(answer.student == std::vector<double>{0, 4, -6, 2, 0});
  CHECK(answer.teacher == std::vector<double>{0, -4, 6, -2, 0});
}
