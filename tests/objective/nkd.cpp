#include <doctest/doctest.h>

#include <distill/objective/nkd.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("nkd: value and gradients against 50-digit references") {
  harness::against_references("nkd", [](const harness::parameters& p) {
    return distill::nkd{.gamma = p["gamma"], .temperature = p.temperature};
  });
}

TEST_CASE("nkd: properties") { harness::battery(distill::nkd{}); }

TEST_CASE("nkd: a label that only the student masks leaves the teacher's gradient finite") {
  auto p = harness::random_problem<double>(1, 20, 8);
  p.student_at(0, p.labels[0]) = -INFINITY;
  const auto got = harness::solve(distill::nkd{}, p);
  CHECK(got.value == INFINITY);
  CHECK(std::all_of(got.teacher.begin(), got.teacher.end(), [](double g) { return std::isfinite(g); }));
}
