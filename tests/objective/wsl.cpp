#include <doctest/doctest.h>

#include <distill/objective/wsl.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("wsl: value and gradients against 50-digit references") {
  harness::against_references("wsl",
                              [](const harness::parameters& p) { return distill::wsl{.temperature = p.temperature}; });
}

TEST_CASE("wsl: properties") { harness::battery(distill::wsl{}); }

TEST_CASE("wsl: a NaN of the teacher stays one beside a student that is sure and right") {
  auto p = harness::random_problem<double>(1, 20, 6);
  p.student_at(0, p.labels[0]) = 2000;
  p.teacher_at(0, 3) = harness::not_a_number<double>;
  CHECK(std::isnan(harness::solve(distill::wsl{}, p).value));
}
