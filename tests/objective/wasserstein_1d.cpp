#include <doctest/doctest.h>

#include <distill/objective/wasserstein_1d.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"
#include "harness/message.hpp"

using distill::wasserstein_1d;

TEST_CASE("wasserstein_1d: value and gradients against 50-digit references") {
  harness::against_references("wasserstein_1d",
                              [](const harness::parameters& p) {
                                return wasserstein_1d{.power = static_cast<int>(p["power"]),
                                                      .temperature = p.temperature};
                              },
                              {.gradient_ulp = 32});  // a thousand classes are as many additions
}

TEST_CASE("wasserstein_1d: properties") { harness::battery(wasserstein_1d{}); }

TEST_CASE("wasserstein_1d: properties at other parameters") {
  harness::check_mathematics<float>(wasserstein_1d{.power = 2, .temperature = 3});
  harness::check_mathematics<double>(wasserstein_1d{.power = 2, .temperature = 3});
  harness::check_engine<float>(wasserstein_1d{.power = 2, .temperature = 3});
}

TEST_CASE("wasserstein_1d: all mass moved by k classes costs k; Cramér's distance counts the steps likewise") {
  for (const int power : {1, 2})
    for (const int k : {0, 1, 4}) {
      harness::problem<double> p{1, 6, std::vector<double>(6), std::vector<double>(6), {0}};
      p.student[0] = p.teacher[static_cast<std::size_t>(k)] = 800;
      CHECK(harness::solve(wasserstein_1d{.power = power}, p).value == k);
    }
}

TEST_CASE("wasserstein_1d: the definition") {
  for (const int power : {1, 2})
    for (const distill::index columns : {1, 2, 5, 100}) {
      const auto p = harness::random_problem<double>(1, columns, 61);
      const auto s = harness::softmax_of(p.student, 2.0L).p, t = harness::softmax_of(p.teacher, 2.0L).p;
      long double gap = 0, value = 0;
      for (std::size_t c = 0; c + 1 < s.size(); ++c) {
        gap += s[c] - t[c];
        value += std::pow(std::abs(gap), static_cast<long double>(power));
      }
      CHECK(harness::solve(wasserstein_1d{.power = power, .temperature = 2}, p).value ==
            doctest::Approx(static_cast<double>(4 * value)).epsilon(1e-14));
    }
}

TEST_CASE("wasserstein_1d: a shift of a whole row leaves nothing, nearly equal rows keep their digits") {
  auto p = harness::random_problem<float>(1, 1000, 62);
  for (std::size_t c = 0; c < 1000; ++c) p.student[c] = p.teacher[c] + (c % 2 ? 0x1p-10f : 0);
  const std::vector<double> student(p.student.begin(), p.student.end()), teacher(p.teacher.begin(), p.teacher.end());
  const harness::problem<double> wide{1, 1000, student, teacher, p.labels};
  CHECK(harness::solve(wasserstein_1d{}, p).value ==
        doctest::Approx(harness::solve(wasserstein_1d{}, wide).value).epsilon(1e-6));
  for (std::size_t c = 0; c < 1000; ++c) p.student[c] = p.teacher[c] + 8;
  const auto got = harness::solve(wasserstein_1d{}, p);
  CHECK(got.value == 0);
  CHECK(std::all_of(got.student.begin(), got.student.end(), [](float g) { return g == 0; }));
}

TEST_CASE("wasserstein_1d: bad input") {
  const auto p = harness::random_problem<double>(1, 3, 63);
  CHECK(harness::message_of([&] { harness::solve(wasserstein_1d{.power = 3}, p); }) ==
        "distill: wasserstein_1d: power is 3, must be 1 or 2");
}
