#include <doctest/doctest.h>

#include <distill/objective/uld.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("uld: value and gradients against 50-digit references") {
  harness::against_references("uld",
                              [](const harness::parameters& p) { return distill::uld{.temperature = p.temperature}; },
                              {.shift = harness::common_shift::linear});
}

TEST_CASE("uld: properties") { harness::battery(distill::uld{}); }

TEST_CASE("uld: properties at other parameters") {
  harness::check_mathematics<double>(distill::uld{.head = 3, .temperature = 2});
}

TEST_CASE("uld: long rows with ties, one by one and by their heads") {
  auto p = harness::random_problem<double>(1, 40000, 91);
  for (std::size_t c = 0; c < p.student.size(); c += 2) p.student[c] = p.teacher[c] = 0.5;
  auto s = harness::softmax(p.student), t = harness::softmax(p.teacher);
  std::sort(s.rbegin(), s.rend());
  std::sort(t.rbegin(), t.rend());
  double whole = 0, rest = 0;
  for (std::size_t r = 0; r < s.size(); ++r) whole += std::abs(s[r] - t[r]);
  CHECK(harness::solve(distill::uld{}, p).value == doctest::Approx(whole).epsilon(1e-12));
  double head = 0;
  for (std::size_t r = 0; r < s.size(); ++r) r < 100 ? head += std::abs(s[r] - t[r]) : rest += s[r] - t[r];
  CHECK(harness::solve(distill::uld{.head = 100}, p).value == doctest::Approx(head + std::abs(rest)).epsilon(1e-10));
}
