#include <doctest/doctest.h>

#include <distill/objective/soft_dice.hpp>

#include "harness/battery.hpp"

TEST_CASE("soft_dice: properties") { harness::battery(distill::soft_dice{}); }

TEST_CASE("soft_dice: empty masks, certain students, masks beyond their range") {
  harness::problem<double> p{1, 3, {0, 0, 0}, {0, 0, 0}, {0}};
  CHECK(harness::solve(distill::soft_dice{}, p).value == doctest::Approx(1 - 1 / 2.5));
  p.student = {200, -200, -harness::infinity<double>}, p.teacher = {1, 0, 0};
  const auto certain = harness::solve(distill::soft_dice{}, p);
  CHECK(certain.value == doctest::Approx(3 * std::exp(-200) / 2 * 2 / 3).epsilon(1e-12));
  CHECK(certain.student[0] == doctest::Approx(-std::exp(-200) / 3).epsilon(1e-12));
  CHECK(certain.student[2] == 0);
  p.student = {-800, 800, 0}, p.teacher = {1, 0, 0.5};
  CHECK(harness::solve(distill::soft_dice{}, p).value == doctest::Approx(1 - 1.5 / 4));
  auto beyond = p;
  beyond.teacher = {7, -3, 0.5};
  const auto clamped = harness::solve(distill::soft_dice{}, beyond);
  CHECK(clamped.value == harness::solve(distill::soft_dice{}, p).value);
  CHECK((clamped.teacher[0] == 0 && clamped.teacher[1] == 0 && clamped.teacher[2] != 0));
  // The mask is not divided by the temperature.
  p.student = {2, -4, 6};
  auto half = p;
  for (double& z : half.student) z /= 2;
  CHECK(harness::solve(distill::soft_dice{.temperature = 2}, p).value ==
        doctest::Approx(4 * harness::solve(distill::soft_dice{}, half).value));
}
