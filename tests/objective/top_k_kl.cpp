#include <doctest/doctest.h>

#include <distill/objective/top_k_kl.hpp>
#include <distill/objective/top_k_reverse_kl.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"
#include "harness/softmax.hpp"

namespace {

using distill::top_k;
using distill::top_k_kl;
using distill::top_k_reverse_kl;
using harness::problem;
using harness::random_problem;
using harness::solve;

/// The teacher's `k` classes from column 1 on, with their true log-probabilities.
problem<double> stored_problem(int rows, int columns, int k, std::uint64_t seed) {
  auto p = random_problem<double>(rows, columns, seed);
  p.stored.clear(), p.stored_log_p.clear();
  for (int r = 0; r < rows; ++r) {
    const auto q = harness::softmax(part_of(p, r, 1).teacher, 1.0);
    for (int j = 0; j < k; ++j) {
      const int c = (1 + 3 * j) % columns;
      p.stored.push_back(c);
      p.stored_log_p.push_back(std::log(q[static_cast<std::size_t>(c)]));
    }
  }
  return p;
}

struct closed {
  double value = 0;
  std::vector<double> gradient;
};
/// The table of conventions, written out in probabilities.
closed by_table(const problem<double>& p, top_k convention) {
  const auto s = harness::softmax(p.student, 1.0), t = harness::softmax(p.teacher, 1.0);
  std::vector<bool> in(s.size());
  for (const auto c : p.stored) in[static_cast<std::size_t>(c)] = true;
  double Q = 0, P = 0;
  for (std::size_t c = 0; c < s.size(); ++c)
    if (in[c]) Q += t[c], P += s[c];
  closed result{0, std::vector<double>(s.size())};
  for (std::size_t c = 0; c < s.size(); ++c) {
    const double q = convention == top_k::raw_mass || convention == top_k::ghost_bucket ? t[c] : t[c] / Q;
    const double own = convention == top_k::both_renormalised ? s[c] / P : s[c];
    if (in[c]) result.value += q * std::log(q / own);
    switch (convention) {
      case top_k::raw_mass: result.gradient[c] = Q * s[c] - (in[c] ? q : 0); break;
      case top_k::teacher_renormalised: result.gradient[c] = s[c] - (in[c] ? q : 0); break;
      case top_k::both_renormalised: result.gradient[c] = in[c] ? own - q : 0; break;
      case top_k::ghost_bucket: result.gradient[c] = in[c] ? s[c] - q : s[c] * (1 - (1 - Q) / (1 - P)); break;
    }
  }
  if (convention == top_k::ghost_bucket) result.value += (1 - Q) * std::log((1 - Q) / (1 - P));
  return result;
}

constexpr top_k all[] = {top_k::raw_mass, top_k::teacher_renormalised, top_k::both_renormalised, top_k::ghost_bucket};

}  // namespace

TEST_CASE("top_k_kl: every convention is its line of the table") {
  for (const top_k convention : all) {
    CAPTURE(static_cast<int>(convention));
    const auto p = stored_problem(1, 20, 5, 71);
    const auto got = solve(top_k_kl{.convention = convention}, p);
    const closed expected = by_table(p, convention);
    CHECK(got.value == doctest::Approx(expected.value).epsilon(1e-13));
    for (std::size_t c = 0; c < 20; ++c) CHECK(got.student[c] == doctest::Approx(expected.gradient[c]).epsilon(1e-12));
  }
}

TEST_CASE("top_k_kl: no class stored is no loss; every class stored leaves no bucket") {
  for (const top_k convention : all) {
    const auto none = solve(top_k_kl{.convention = convention}, stored_problem(2, 20, 0, 72));
    CHECK(none.value == 0);
    CHECK(std::all_of(none.student.begin(), none.student.end(), [](double g) { return g == 0; }));
    const auto p = stored_problem(1, 20, 20, 73);
    const auto whole = solve(top_k_kl{.convention = convention}, p);
    const auto s = harness::softmax(p.student, 1.0), t = harness::softmax(p.teacher, 1.0);
    double kl = 0;
    for (std::size_t c = 0; c < 20; ++c) kl += t[c] * std::log(t[c] / s[c]);
    CHECK(whole.value == doctest::Approx(kl).epsilon(1e-12));
    for (std::size_t c = 0; c < 20; ++c) CHECK(whole.student[c] == doctest::Approx(s[c] - t[c]).epsilon(1e-11));
  }
}

TEST_CASE("top_k_kl: a tail of 1e-13 keeps its digits, in float too") {
  // 40 classes at -32.5 under one at 0: the student's tail is 40 e^{-32.5} / (1 + …) = 3.07e-13.
  problem<float> p{1, 41, std::vector<float>(41, -32.5f), std::vector<float>(41), {0}, {0}, {std::log1p(-1e-6)}};
  p.student[0] = 0;
  const auto got = solve(top_k_kl{}, p);
  const double tail = 40 * std::exp(-32.5) / (1 + 40 * std::exp(-32.5)), q = 1e-6;
  CHECK(got.value == doctest::Approx((1 - q) * std::log1p(-q) + q * std::log(q / tail)).epsilon(1e-6));
  CHECK(static_cast<double>(got.student[7]) == doctest::Approx((tail - q) / 40).epsilon(1e-5));
}

TEST_CASE("top_k_reverse_kl: a floor outside the stored classes") {
  const auto p = stored_problem(1, 20, 5, 74);
  const auto got = solve(top_k_reverse_kl{.log_floor = -9}, p);
  const auto s = harness::softmax(p.student, 1.0);
  std::vector<double> log_t(20, -9.0);
  for (std::size_t j = 0; j < p.stored.size(); ++j) log_t[static_cast<std::size_t>(p.stored[j])] = p.stored_log_p[j];
  double value = 0;
  for (std::size_t c = 0; c < 20; ++c) value += s[c] * (std::log(s[c]) - log_t[c]);
  CHECK(got.value == doctest::Approx(value).epsilon(1e-13));
  for (std::size_t c = 0; c < 20; ++c)
    CHECK(got.student[c] == doctest::Approx(s[c] * (std::log(s[c]) - log_t[c] - value)).epsilon(1e-11));
}

TEST_CASE("top_k_kl: slots may be empty; classes twice or out of range are refused by name") {
  auto p = stored_problem(2, 20, 4, 75);
  auto fewer = stored_problem(2, 20, 3, 75);
  p.stored[3] = p.stored[7] = -1;
  CHECK(solve(top_k_kl{}, p).value == solve(top_k_kl{}, fewer).value);
  p.stored[3] = p.stored[1];
  CHECK_THROWS_WITH_AS(solve(top_k_kl{}, p), "distill: stored.classes[0, 3] is 4, for the second time",
                       distill::argument_error);
  p.stored[3] = 20;
  CHECK_THROWS_WITH_AS(solve(top_k_kl{}, p), "distill: stored.classes[0, 3] is 20, must lie in [0, 20) or be -1",
                       distill::argument_error);
  auto in = harness::inputs_of(top_k_kl{}, fewer);
  in.stored.log_p = distill::matrix_view<const double>(fewer.stored_log_p.data(), 2, 2);
  CHECK_THROWS_WITH_AS(distill::value(top_k_kl{}, in), "distill: stored.log_p is 2 x 2, stored.classes is 2 x 3",
                       distill::argument_error);
  in.stored = {};
  CHECK_THROWS_AS(distill::value(top_k_kl{}, in), distill::argument_error);
}

// The mass outside the stored classes, 1 - Q, is known to ε, and a class there carries p_s ε/(1 - P).
TEST_CASE("top_k_kl: value and gradients against 50-digit references") {
  harness::against_references("top_k_kl",
                              [](const harness::parameters& p) {
                                const std::string& convention = p.word("convention");
                                return top_k_kl{
                                    .convention = convention == "raw_mass"               ? top_k::raw_mass
                                                  : convention == "teacher_renormalised" ? top_k::teacher_renormalised
                                                  : convention == "both_renormalised"    ? top_k::both_renormalised
                                                                                         : top_k::ghost_bucket,
                                    .temperature = p.temperature};
                              },
                              {.gradient_ulp = 256, .shift = harness::common_shift::quadratic});
}

TEST_CASE("top_k_kl: properties") { harness::battery(top_k_kl{}); }

TEST_CASE("top_k_kl: properties of the other conventions") {
  for (const top_k convention : all) {
    harness::check_mathematics<float>(top_k_kl{.convention = convention, .temperature = 2});
    harness::check_mathematics<double>(top_k_kl{.convention = convention, .temperature = 2});
  }
}
