// Functions of leaf values, adaptors, compounds in sums: what expressions are made of.
#include <doctest/doctest.h>

#include <distill/objective/class_mass.hpp>
#include <distill/objective/cross_entropy.hpp>
#include <distill/objective/dkd.hpp>
#include <distill/objective/kl.hpp>
#include <distill/objective/reverse_kl.hpp>
#include <distill/objective/soft_cross_entropy.hpp>
#include <distill/objective/taid.hpp>
#include <distill/row/adaptor.hpp>
#include <distill/row/combine.hpp>
#include <distill/select/class_relation.hpp>

#include "harness/battery.hpp"

namespace {

using distill::cross_entropy;
using distill::folded;
using distill::input;
using distill::kl;
using distill::reverse_kl;
using distill::row_mix;
using harness::random_problem;
using harness::solve;

/// KL · RKL / (1 + CE)
struct product {
  folded<3> operator()(const std::array<double, 3>& v) const {
    const double d = 1 + v[2];
    return {v[0] * v[1] / d, {v[1] / d, v[0] / d, -v[0] * v[1] / (d * d)}};
  }
};
const auto combined = distill::combine(product{}, kl{}, reverse_kl{.temperature = 2}, cross_entropy{});

}  // namespace

TEST_CASE("a function of leaf values is an objective: value and whole derivative") {
  harness::gradients_are_differences(combined);
  harness::gradients_are_differences(0.5 * combined + kl{.temperature = 3});
  const auto p = random_problem<double>(1, 20, 41);
  const double a = solve(kl{}, p).value, b = solve(reverse_kl{.temperature = 2}, p).value,
               c = solve(cross_entropy{}, p).value;
  CHECK(solve(combined, p).value == doctest::Approx(a * b / (1 + c)).epsilon(1e-14));
  CHECK(solve(kl{} + combined, p).value == doctest::Approx(a + a * b / (1 + c)).epsilon(1e-14));
}

TEST_CASE("it passes the engine's battery") {
  harness::check_engine<float>(combined);
  harness::check_engine<double>(0.5 * combined + cross_entropy{});
}

TEST_CASE("a weight by function is constant in the gradient") {
  const auto p = random_problem<double>(1, 20, 42);
  const auto weigh = [](const std::array<double, 1>& v) { return std::exp(-v[0]); };
  const auto got = solve(distill::weighted_by(weigh, kl{}, cross_entropy{}), p);
  const double w = std::exp(-solve(cross_entropy{}, p).value);
  const auto plain = solve(kl{}, p);
  CHECK(got.value == doctest::Approx(w * plain.value).epsilon(1e-14));
  for (std::size_t i = 0; i < 20; ++i) CHECK(got.student[i] == doctest::Approx(w * plain.student[i]).epsilon(1e-12));
}

TEST_CASE("classes that are left out are as if deleted") {
  const auto p = random_problem<double>(3, 12, 43);
  std::vector<int> keep(12, 1);
  keep[2] = keep[7] = keep[11] = 0;
  auto masked = p;
  for (int r = 0; r < 3; ++r)
    for (const int c : {2, 7, 11}) masked.student_at(r, c) = masked.teacher_at(r, c) = -harness::infinity<double>;
  for (auto& label : masked.labels) label = 0;
  auto q = p;
  q.labels = masked.labels;
  const auto sum = 0.5 * kl{.temperature = 2} + cross_entropy{.label_smoothing = 0.1};
  CHECK(same(solve(distill::over_classes(keep, sum), q), solve(sum, masked)));
}

TEST_CASE("a list of classes of the wrong length is refused, and so are two choices of classes") {
  const std::vector<int> keep(5, 1);
  CHECK_THROWS_WITH_AS(solve(distill::over_classes(keep, kl{}), random_problem<float>(2, 6, 44)),
                       "distill: kl: the list of classes has 5 entries, student has 6 columns",
                       distill::argument_error);
  CHECK_THROWS_AS(solve(distill::over_classes(keep, distill::dkd{}), random_problem<float>(2, 5, 44)),
                  distill::argument_error);
}

TEST_CASE("an input that is detached gets no gradient through that objective") {
  const auto p = random_problem<double>(2, 20, 45);
  const auto got = solve(distill::detached(input::teacher, kl{}) + reverse_kl{}, p);
  const auto forward = solve(kl{}, p), reverse = solve(reverse_kl{}, p);
  for (std::size_t i = 0; i < p.student.size(); ++i) {
    CHECK(got.teacher[i] == doctest::Approx(reverse.teacher[i]).epsilon(1e-12));
    CHECK(got.student[i] == doctest::Approx(forward.student[i] + reverse.student[i]).epsilon(1e-12));
  }
}

TEST_CASE("what an objective detaches of a mixed row stays so under an adaptor") {
  const auto p = random_problem<double>(3, 20, 66);
  const distill::taid objective{.t = 0.4};
  CHECK(solve(distill::detached(distill::input::teacher, objective), p).student == solve(objective, p).student);
}

TEST_CASE("an adaptor around an adapted objective leaves what the inner one did") {
  const auto p = random_problem<double>(2, 20, 51);
  const auto inner = distill::standardised(distill::detached(input::teacher, kl{}));
  const auto got = solve(distill::detached(input::student, inner), p);
  CHECK(got.value == solve(inner, p).value);
  const auto zero = [](double g) { return g == 0; };
  CHECK(std::all_of(got.student.begin(), got.student.end(), zero));
  CHECK(std::all_of(got.teacher.begin(), got.teacher.end(), zero));
}

TEST_CASE("a second teacher is another row in the teacher's place") {
  const auto p = random_problem<double>(3, 20, 46), other = random_problem<double>(3, 20, 47);
  const auto second = distill::substituted(input::teacher, row_mix::of(input::auxiliary), kl{.temperature = 2});
  const auto both = 0.5 * kl{.temperature = 2} + 0.5 * second;
  auto in = harness::inputs_of(kl{}, p);
  in.auxiliary = distill::matrix_view<const double>(other.teacher.data(), 3, 20);
  std::vector<double> to_auxiliary(60, 5);
  harness::answer<double> got{0, std::vector<double>(60), std::vector<double>(60)};
  distill::gradients<double> out;
  out.student = distill::matrix_view<double>(got.student.data(), 3, 20);
  out.auxiliary = distill::matrix_view<double>(to_auxiliary.data(), 3, 20);
  got.value = distill::value_and_gradient(both, in, out, {.reduction = distill::reduction::sum()});
  auto swapped = p;
  swapped.teacher = other.teacher;
  const auto first = solve(kl{.temperature = 2}, p), again = solve(kl{.temperature = 2}, swapped);
  CHECK(got.value == doctest::Approx((first.value + again.value) / 2).epsilon(1e-14));
  for (std::size_t i = 0; i < 60; ++i) {
    CHECK(got.student[i] == doctest::Approx((first.student[i] + again.student[i]) / 2).epsilon(1e-12));
    CHECK(to_auxiliary[i] == doctest::Approx(again.teacher[i] / 2).epsilon(1e-12));
  }
}

TEST_CASE("the teacher's own loss is the student's on the teacher's row") {
  auto p = random_problem<double>(3, 20, 48);
  const auto got = solve(kl{} + distill::substituted(input::student, row_mix::of(input::teacher), cross_entropy{}), p);
  const auto divergence = solve(kl{}, p);
  auto turned = p;
  turned.student = p.teacher;
  const auto hard = solve(cross_entropy{}, turned);
  CHECK(got.value == doctest::Approx(divergence.value + hard.value).epsilon(1e-14));
  for (std::size_t i = 0; i < p.student.size(); ++i)
    CHECK(got.teacher[i] == doctest::Approx(divergence.teacher[i] + hard.student[i]).epsilon(1e-12));
}

TEST_CASE("weights for each row reach every leaf of a compound; two sets of them are refused") {
  const auto p = random_problem<double>(3, 20, 49);
  const std::vector<double> weights{1, 0, 2};
  const auto got = solve(distill::row_parameter(weights) * distill::dkd{}, p);
  const auto expected = solve(distill::dkd{}, p, {.reduction = distill::reduction::sum(), .weights = weights});
  CHECK(got.value == doctest::Approx(expected.value).epsilon(1e-14));
  CHECK_THROWS_AS(distill::row_parameter(weights) * (distill::row_parameter(weights) * kl{}), distill::argument_error);
}

TEST_CASE("class-relation weights: value and whole derivative across the batch") {
  const std::vector<int> known{1, 1, 1, 0, 0, 0, 1, 0};
  const double t = 0.8;
  const auto both = distill::over_classes(known, distill::soft_cross_entropy{.temperature = t}) +
                    distill::class_mass{.classes = known, .temperature = t};
  auto p = random_problem<double>(5, 8, 50, 1);
  const auto value = [&] {
    distill::value_table<std::remove_cvref_t<decltype(both)>> table;
    distill::values(both, harness::inputs_of(both, p), table);
    return distill::class_relation(table).value();
  };
  distill::value_table<std::remove_cvref_t<decltype(both)>> table;
  distill::values(both, harness::inputs_of(both, p), table);
  const distill::class_relation relation(table);
  std::vector<double> gradient(40);
  distill::gradient(both, harness::inputs_of(both, p), table, relation.coefficients(),
                    {.student = distill::matrix_view<double>(gradient.data(), 5, 8)});
  double expected = 0, mean = 0;
  for (int r = 0; r < 5; ++r) mean += table(r, 1) / 5;
  for (int r = 0; r < 5; ++r) expected += table(r, 1) / mean * table(r, 0) / 5;
  CHECK(relation.value() == doctest::Approx(expected).epsilon(1e-14));
  const double h = 1e-4;
  for (std::size_t i = 0; i < 40; ++i) {
    const double z = p.student[i];
    const auto at = [&](double x) { return p.student[i] = x, value(); };
    const double slope = (8 * (at(z + h) - at(z - h)) - (at(z + 2 * h) - at(z - 2 * h))) / (12 * h);
    p.student[i] = z;
    CHECK(gradient[i] == doctest::Approx(slope).epsilon(1e-8));
  }
}
