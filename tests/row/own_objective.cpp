// Objectives that a user writes: sums, fold, bind and logarithms, each checked against its closed form or by
// finite differences.
#include <doctest/doctest.h>

#include <distill/objective/kl.hpp>

#include "harness/mathematics.hpp"

namespace {

using distill::element;
using distill::folded;
using distill::lane;
using distill::lane_scalar;
using distill::lane_type;
using distill::objective_info;
using distill::row_parameter;
using distill::row_scalars;
using distill::temperature_scaling;
using distill::terms;
// An objective of another namespace does not bring the library's operators along.
using distill::operator*;
using distill::operator+;
using harness::random_problem;
using harness::solve;

/// Two sums and a product of them: (Σ p_t φ(d)) · (1 + Σ p_s φ(-d)).
struct product_of_sums {
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::none;
  static constexpr int sums = 2;
  static constexpr objective_info info{.name = "product_of_sums", .formula = "KL (1 + RKL)", .source = "this test"};

  template <lane_type V>
  terms<V, 2> operator()(const element<V>& x) const {
    terms<V, 2> result;
    result.term = {x.pt_phi(), x.ps_phi()};
    result.to_student = {x.pt_expm1(), distill::mass_times(x.p_s, x.d)};
    result.to_teacher = {V(lane_scalar<V>(0)) - distill::mass_times(x.p_t, x.d), x.ps_expm1()};
    return result;
  }
  folded<2> fold(const std::array<double, 2>& sum) const { return {sum[0] * (1 + sum[1]), {1 + sum[1], sum[0]}}; }
};

/// A function of one sum: log(1 + KL).
struct log_of_sum {
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;
  static constexpr objective_info info{.name = "log_of_sum", .formula = "T² log(1 + KL)", .source = "this test"};

  template <lane_type V>
  terms<V> operator()(const element<V>& x) const {
    return distill::kl{}(x);
  }
  folded<1> fold(const std::array<double, 1>& sum) const { return {std::log1p(sum[0]), {1 / (1 + sum[0])}}; }
};

/// A parameter of the row enters the term: γ(row) · KL.
struct bound_factor {
  row_parameter factor = 1;
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;
  double own = 0;
  static constexpr objective_info info{.name = "bound_factor", .formula = "T² γ KL", .source = "this test"};

  bound_factor bind(const row_scalars& row) const {
    bound_factor result = *this;
    result.own = factor[row.row];
    return result;
  }
  template <lane_type V>
  terms<V> operator()(const element<V>& x) const {
    const terms<V> plain = distill::kl{}(x);
    const V gamma(static_cast<lane_scalar<V>>(own));
    return {gamma * plain.term[0], gamma * plain.to_student[0], gamma * plain.to_teacher[0]};
  }
};

/// Reads the logarithms: cross-entropy with the teacher, -Σ p_t log p_s, and the student's entropy.
struct reads_logs {
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::none;
  static constexpr bool reads_log_probabilities = true;
  static constexpr objective_info info{.name = "reads_logs",
                                       .formula = "−Σ p_t log p_s − Σ p_s log p_s",
                                       .source = "this test",
                                       .zero_at_equality = false};

  template <lane_type V>
  terms<V> operator()(const element<V>& x) const {
    const V zero(lane_scalar<V>(0)), one(lane_scalar<V>(1));
    const V cross = distill::mass_times(x.p_t, x.log_s), own = distill::mass_times(x.p_s, x.log_s);
    return {zero - cross - own, zero - x.p_t - distill::mass_times(x.p_s, x.log_s + one), zero - cross};
  }
};

constexpr int own_lengths[] = {10, 64, 100};

}  // namespace

TEST_CASE("two sums and a function of them") {
  harness::gradients_are_differences(product_of_sums{.temperature = 2});
  for (const int columns : own_lengths) {
    const auto p = random_problem<double>(1, columns, 81);
    const double forward = solve(distill::kl{}, p).value;
    auto turned = p;
    std::swap(turned.student, turned.teacher);
    const double backward = solve(distill::kl{}, turned).value;
    CHECK(solve(product_of_sums{}, p).value == doctest::Approx(forward * (1 + backward)).epsilon(1e-13));
  }
}

TEST_CASE("a function of one sum") {
  harness::gradients_are_differences(log_of_sum{.temperature = 2});
  const auto p = random_problem<double>(1, 10, 82);
  CHECK(solve(log_of_sum{}, p).value == doctest::Approx(std::log1p(solve(distill::kl{}, p).value)).epsilon(1e-14));
}

TEST_CASE("folded leaves mix with plain ones, and keep to their own rows") {
  harness::gradients_are_differences(0.5 * log_of_sum{} + 0.25 * product_of_sums{.temperature = 2} +
                                     distill::kl{.temperature = 2});
  const auto p = random_problem<float>(5, 10, 83);
  const auto whole = solve(log_of_sum{}, p);
  for (int r = 0; r < 5; ++r) {
    const auto alone = solve(log_of_sum{}, harness::part_of(p, r, 1));
    CHECK(std::equal(alone.student.begin(), alone.student.end(), whole.student.begin() + r * 10));
  }
}

TEST_CASE_TEMPLATE("bind fills in the row's parameter", T, float, double) {
  const std::vector<double> factors{1, 2, 0.5, 0, 4};
  for (const int columns : own_lengths) {
    const auto p = random_problem<T>(5, columns, 84);
    const auto bound = solve(bound_factor{.factor = factors, .temperature = 2}, p);
    const auto weighted = solve(row_parameter(factors) * distill::kl{.temperature = 2}, p);
    CAPTURE(columns);
    CHECK(harness::distance(bound, weighted, 2) <= 16);
  }
}

TEST_CASE("the logarithms of the probabilities, for those who ask") {
  harness::gradients_are_differences(reads_logs{.temperature = 2});
  harness::masking_is_deletion<double>(reads_logs{});
  harness::masking_is_deletion<float>(reads_logs{});
}

TEST_CASE("a user's objective is held to its claims like any other") {
  harness::slopes_are_derivatives(product_of_sums{});
  harness::masking_is_deletion<double>(product_of_sums{});
}
