#include <doctest/doctest.h>

#include <distill/objective/logit_cosine.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

// Rows 10 000 from 0 are nearly parallel.
TEST_CASE("logit_cosine: value and gradients against 50-digit references") {
  harness::against_references("logit_cosine", [](const harness::parameters&) { return distill::logit_cosine{}; },
                              {.value_ulp = 1600, .gradient_ulp = 4000});
}

TEST_CASE("logit_cosine: properties") { harness::battery(distill::logit_cosine{}); }

TEST_CASE("logit_cosine: a row of zeros has no direction") {
  auto p = harness::random_problem<double>(1, 20, 4);
  std::fill(p.student.begin(), p.student.end(), 0.0);
  const auto one = harness::solve(distill::logit_cosine{}, p);
  CHECK(one.value == 1);
  CHECK(std::all_of(one.student.begin(), one.student.end(), [](double g) { return g == 0; }));
  p.teacher = p.student;
  CHECK(harness::solve(distill::logit_cosine{}, p).value == 0);
}
