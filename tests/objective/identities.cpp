// Members of one family that are members of another: the same number by two routes.
#include <doctest/doctest.h>

#include <distill/objective/alpha_beta.hpp>
#include <distill/objective/amari_alpha.hpp>
#include <distill/objective/beta_divergence.hpp>
#include <distill/objective/bhattacharyya.hpp>
#include <distill/objective/class_mass.hpp>
#include <distill/objective/cross_entropy.hpp>
#include <distill/objective/entropy.hpp>
#include <distill/objective/f_divergence.hpp>
#include <distill/objective/focal.hpp>
#include <distill/objective/jeffreys.hpp>
#include <distill/objective/jensen_shannon.hpp>
#include <distill/objective/kl.hpp>
#include <distill/objective/lpld.hpp>
#include <distill/objective/ofa.hpp>
#include <distill/objective/pearson_chi2.hpp>
#include <distill/objective/ps_kd.hpp>
#include <distill/objective/renyi.hpp>
#include <distill/objective/reverse_kl.hpp>
#include <distill/objective/skew_kl.hpp>
#include <distill/objective/skew_reverse_kl.hpp>
#include <distill/objective/soft_cross_entropy.hpp>
#include <distill/objective/squared_hellinger.hpp>
#include <distill/objective/taid.hpp>
#include <distill/objective/tsallis.hpp>
#include <distill/row/adaptor.hpp>

#include "harness/softmax.hpp"
#include "harness/sums.hpp"

namespace {

using namespace distill;
using distill::index;  // not that of <strings.h>
using harness::add;
using harness::answer;
using harness::problem;
using harness::random_problem;
using harness::solve;

/// Σ factor · objective, term by term.
template <class... Pairs>
answer<double> sum_of_parts(const problem<double>& p, const Pairs&... pairs) {
  answer<double> total;
  (add(total, pairs.first, solve(pairs.second, p)), ...);
  return total;
}

template <class Objective>
void same_as(const Objective& objective, const answer<double>& expected, const problem<double>& p, double ulp = 64) {
  CHECK(harness::distance(solve(objective, p), expected, 1) <= ulp);
}

/// r log r - r + 1 with r = 1 + e: KL as an f-divergence, written by a user.
struct kullback {
  template <lane_type V>
  std::array<V, 2> operator()(const likelihood_ratio<V>& r) const {
    const V log = natural_log(r.value);
    return {r.value * log - r.excess, log};
  }
};

const auto p = random_problem<double>(4, 30, 61);

TEST_CASE("alpha divergences") {
  same_as(amari_alpha{.alpha = 1}, solve(kl{}, p), p, 0);
  same_as(amari_alpha{.alpha = 0}, solve(reverse_kl{}, p), p, 0);
  same_as(amari_alpha{.alpha = 0.5}, sum_of_parts(p, std::pair(4.0, squared_hellinger{})), p);
  same_as(amari_alpha{.alpha = 2}, sum_of_parts(p, std::pair(0.5, pearson_chi2{})), p, 1e5);
  same_as(tsallis{.alpha = 0.3}, sum_of_parts(p, std::pair(0.3, amari_alpha{.alpha = 0.3})), p);
  same_as(renyi{.alpha = 1}, solve(kl{}, p), p);
  same_as(renyi{.alpha = 0.5}, sum_of_parts(p, std::pair(2.0, bhattacharyya{})), p);
}

TEST_CASE("alpha-beta divergences and their limits") {
  same_as(alpha_beta{.alpha = 1, .beta = 0}, solve(kl{}, p), p);
  same_as(alpha_beta{.alpha = 0, .beta = 1}, solve(reverse_kl{}, p), p);
  same_as(alpha_beta{.alpha = 0.5, .beta = 0.5}, sum_of_parts(p, std::pair(4.0, squared_hellinger{})), p);
  same_as(alpha_beta{.alpha = 0.3, .beta = 0.7}, solve(amari_alpha{.alpha = 0.3}, p), p);
  same_as(beta_divergence{.beta = 0}, solve(kl{}, p), p, 0);
  same_as(alpha_beta{.alpha = 1, .beta = 1}, solve(beta_divergence{.beta = 1}, p), p);
  same_as(alpha_beta{.alpha = 1, .beta = 0.4}, solve(beta_divergence{.beta = 0.4}, p), p);
  const auto near = [](double x) { return x + 1e-7; };  // the limits are limits
  for (const auto& [a, b] : {std::pair(0.0, 0.6), std::pair(0.6, 0.0), std::pair(0.5, -0.5), std::pair(0.0, 0.0)}) {
    CAPTURE(a);
    CAPTURE(b);
    const double at = solve(alpha_beta{.alpha = a, .beta = b}, p).value;
    CHECK(solve(alpha_beta{.alpha = near(a), .beta = near(near(b))}, p).value == doctest::Approx(at).epsilon(1e-3));
  }
}

TEST_CASE("mixtures") {
  same_as(jeffreys{}, sum_of_parts(p, std::pair(1.0, kl{}), std::pair(1.0, reverse_kl{})), p);
  same_as(skew_kl{.lambda = 0}, solve(kl{}, p), p, 0);
  same_as(skew_reverse_kl{.lambda = 0}, solve(reverse_kl{}, p), p, 0);
  for (const double beta : {0.1, 0.5, 0.8}) {
    const auto literal = sum_of_parts(p, std::pair(beta, skew_kl{.lambda = beta}),
                                      std::pair(1 - beta, skew_reverse_kl{.lambda = 1 - beta}));
    same_as(jensen_shannon{.beta = beta}, literal, p);
    const auto swapped = sum_of_parts(p, std::pair(1 - beta, skew_kl{.lambda = beta}),
                                      std::pair(beta, skew_reverse_kl{.lambda = 1 - beta}));
    same_as(jensen_shannon{.beta = beta, .form = jensen_shannon_form::swapped}, swapped, p);
    answer<double> normalised;
    add(normalised, 1 / (beta * (1 - beta)), solve(jensen_shannon{.beta = beta}, p));
    same_as(jensen_shannon{.beta = beta, .form = jensen_shannon_form::normalised}, normalised, p);
  }
  // Continuous where they say so.
  for (const auto form : {jensen_shannon_form::normalised, jensen_shannon_form::swapped}) {
    const auto at = [&](double beta) { return solve(jensen_shannon{.beta = beta, .form = form}, p).value; };
    CHECK(at(1e-7) == doctest::Approx(at(0)).epsilon(1e-4));
    CHECK(at(1 - 1e-7) == doctest::Approx(at(1)).epsilon(1e-4));
  }
}

TEST_CASE("a user's generator") {
  same_as(f_divergence{kullback{}}, solve(kl{}, p), p, 256);
  double expected = 0;
  for (int r = 0; r < 4; ++r) {
    const auto s = harness::softmax(part_of(p, r, 1).student, 1.0), t = harness::softmax(part_of(p, r, 1).teacher, 1.0);
    for (std::size_t c = 0; c < s.size(); ++c) expected += (s[c] - t[c]) * (s[c] - t[c]) / (s[c] + t[c]) / 2;
  }
  CHECK(solve(f_divergence<>{}, p).value == doctest::Approx(expected).epsilon(1e-13));
}

TEST_CASE("cross-entropies") {
  const input own = input::teacher;
  const auto teachers = substituted(input::student, row_mix::of(own), entropy{});
  CHECK(solve(soft_cross_entropy{}, p).value ==
        doctest::Approx(solve(kl{}, p).value + solve(teachers + 0.0 * kl{}, p).value).epsilon(1e-14));
  same_as(taid{.t = 1}, solve(soft_cross_entropy{}, p), p);
  const auto at_start = solve(taid{.t = 0}, p);
  CHECK(std::all_of(at_start.student.begin(), at_start.student.end(), [](double g) { return g == 0; }));
  same_as(focal{.gamma = 0}, solve(cross_entropy{}, p), p);
  same_as(ps_kd{.alpha = 0}, solve(cross_entropy{}, p), p);
  CHECK(ps_kd::share(0, 4) == doctest::Approx(0.2));
  CHECK(ps_kd::share(3, 4) == doctest::Approx(0.8));
  const auto code = solve(ofa{.form = ofa_form::code}, p), soft = solve(soft_cross_entropy{}, p);
  CHECK(code.value == doctest::Approx(soft.value).epsilon(1e-14));
}

TEST_CASE("classes that a loss leaves out or gathers") {
  auto masked = p;
  for (int r = 0; r < 4; ++r) masked.teacher_at(r, 29) = -harness::infinity<double>;
  same_as(lpld{}, solve(kl{}, masked), p, 16);
  same_as(lpld{.background = 29}, solve(kl{}, masked), p, 16);
  const std::vector<int> some{1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  double expected = 0;
  for (int r = 0; r < 4; ++r) {
    const auto s = harness::softmax(part_of(p, r, 1).student, 1.0);
    for (std::size_t c = 0; c < s.size(); ++c) expected += some[c] * s[c];
  }
  CHECK(solve(class_mass{.classes = some}, p).value == doctest::Approx(expected).epsilon(1e-14));
}

TEST_CASE("parameters out of range are refused by name") {
  CHECK_THROWS_WITH_AS(solve(skew_kl{.lambda = 1}, p), "distill: skew_kl: lambda is 1, must lie in [0, 1)",
                       argument_error);
  CHECK_THROWS_AS(solve(renyi{.alpha = 0}, p), argument_error);
  CHECK_THROWS_AS(solve(tsallis{.alpha = -1}, p), argument_error);
  CHECK_THROWS_AS(solve(beta_divergence{.beta = -1}, p), argument_error);
  CHECK_THROWS_AS(solve(alpha_beta{.alpha = INFINITY}, p), argument_error);
  CHECK_THROWS_AS(solve(focal{.gamma = -1}, p), argument_error);
  CHECK_THROWS_AS(solve(taid{.t = 1.5}, p), argument_error);
  CHECK_THROWS_AS(solve(ofa{.gamma = 0}, p), argument_error);
  CHECK_THROWS_AS(solve(ps_kd{.alpha = 2}, p), argument_error);
  CHECK_THROWS_WITH_AS(solve(lpld{.background = 30}, p),
                       "distill: lpld: the left-out column is 30, student has 30 columns", argument_error);
}

}  // namespace
