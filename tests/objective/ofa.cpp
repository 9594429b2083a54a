#include <doctest/doctest.h>

#include <distill/objective/ofa.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("ofa: value and gradients against 50-digit references") {
  harness::against_references("ofa", [](const harness::parameters& p) {
    return distill::ofa{.gamma = p["gamma"],
                        .form = p.word("form") == "code" ? distill::ofa_form::code : distill::ofa_form::paper,
                        .temperature = p.temperature};
  });
}

TEST_CASE("ofa: properties") { harness::battery(distill::ofa{.gamma = 1.3}); }

TEST_CASE("ofa: properties at other parameters") {
  harness::check_mathematics<double>(distill::ofa{.gamma = 1.3, .form = distill::ofa_form::code});
}

TEST_CASE("ofa: a label that only the student masks leaves the teacher's gradient finite") {
  auto p = harness::random_problem<double>(1, 20, 8);
  p.student_at(0, p.labels[0]) = -INFINITY;
  const auto got = harness::solve(distill::ofa{}, p);
  CHECK(got.value == INFINITY);
  CHECK(std::all_of(got.teacher.begin(), got.teacher.end(), [](double g) { return std::isfinite(g); }));
}
