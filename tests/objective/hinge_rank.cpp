#include <doctest/doctest.h>

#include <distill/objective/hinge_rank.hpp>
#include <distill/objective/logistic_rank.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"
#include "harness/message.hpp"

using distill::hinge_rank;
using distill::logistic_rank;
using distill::rank_pairs;

namespace {

/// Every pair of every row in long double; term(difference) is {value, slope}.
template <class T, class Objective, class Term>
void agrees(const Objective& o, const harness::problem<T>& p, const Term& term, double tolerance) {
  const auto got = harness::solve(o, p);
  const auto columns = static_cast<std::size_t>(p.columns);
  long double total = 0;
  double worst = 0;
  for (std::size_t r = 0; r < static_cast<std::size_t>(p.rows); ++r) {
    const T *s = p.student.data() + r * columns, *t = p.teacher.data() + r * columns;
    std::vector<long double> slope(columns);
    long double value = 0, count = 0;
    for (std::size_t i = 0; i < columns; ++i)
      for (std::size_t j = 0; j < columns; ++j) {
        const bool before =
            o.pairs == rank_pairs::teacher_order ? t[i] > t[j] : static_cast<std::int32_t>(i) == p.labels[r] && i != j;
        const bool there = std::isfinite(s[i]) && std::isfinite(t[i]) && std::isfinite(s[j]) && std::isfinite(t[j]);
        if (!before || !there) continue;
        const auto [each, along] =
            term((static_cast<long double>(s[i]) - static_cast<long double>(s[j])) / o.temperature[0]);
        value += each, slope[i] += along, slope[j] -= along, ++count;
      }
    total += count == 0 ? 0 : value / count;
    for (std::size_t i = 0; i < columns; ++i) {
      const long double expected = count == 0 ? 0 : slope[i] / count / o.temperature[0];
      worst = std::max(
          worst, static_cast<double>(std::abs(expected - static_cast<long double>(got.student[r * columns + i]))));
      CHECK(got.teacher[r * columns + i] == 0);
    }
  }
  INFO(p.columns << " columns, " << sizeof(T) << " bytes, pairs " << static_cast<int>(o.pairs));
  CHECK(got.value == doctest::Approx(static_cast<double>(total)).epsilon(tolerance));
  CHECK(worst <= tolerance);
}

template <class T>
void both_agree(double tolerance, double scale) {
  for (const auto pairs : {rank_pairs::teacher_order, rank_pairs::label_first})
    for (const distill::index columns : {1, 2, 3, 10, 17, 100, 500})
      for (const bool tied : {false, true})
        for (const bool ragged : {false, true}) {
          auto p = harness::random_problem<T>(3, columns, 41);
          for (T& z : p.student) z *= static_cast<T>(scale);
          for (T& z : p.teacher) z = tied ? std::round(z) : z;
          for (distill::index c = 0; ragged && c < columns; c += 3)
            (c % 2 ? p.student_at(1, c) : p.teacher_at(1, c)) = -harness::infinity<T>;
          // Half the width of the margin keeps every pair away from the kink: logits are multiples of 1/256.
          agrees(
              hinge_rank{.margin = 1.001, .pairs = pairs, .temperature = 2}, p,
              [](long double d) { return std::pair(std::max(0.0L, 1.001L - d), d < 1.001L ? -1.0L : 0.0L); },
              tolerance);
          agrees(
              logistic_rank{.pairs = pairs, .temperature = 2}, p,
              [](long double d) { return std::pair(std::log1p(std::exp(-d)), -1 / (1 + std::exp(d))); }, tolerance);
        }
}

}  // namespace

TEST_CASE("hinge_rank: value and gradients against 50-digit references") {
  harness::against_references("hinge_rank", [](const harness::parameters& p) {
    const bool label_first = p.word("pairs") == "label_first";
    return hinge_rank{.margin = p["margin"],
                      .pairs = label_first ? rank_pairs::label_first : rank_pairs::teacher_order,
                      .temperature = p.temperature};
  });
}

TEST_CASE("hinge_rank: properties") {
  harness::battery(hinge_rank{}, 2000);
  harness::check_mathematics<double>(hinge_rank{.margin = 0.5, .pairs = rank_pairs::label_first, .temperature = 2});
}

TEST_CASE("hinge_rank, logistic_rank: the definition, with ties, missing classes, ±60 and ±1000") {
  both_agree<float>(3e-6, 1);
  both_agree<double>(1e-14, 1);
  both_agree<float>(3e-6, 30);
  both_agree<double>(1e-14, 500);
}

TEST_CASE("logistic_rank: long lists in the wrong order keep float's digits") {
  constexpr distill::index columns = 4000;
  auto p = harness::random_problem<float>(1, columns, 44);
  for (std::size_t c = 0; c < p.student.size(); ++c) p.student[c] = 0.1f * p.student[c] - 4 * p.teacher[c];
  harness::problem<double> wide{1, columns, {}, {}, p.labels};
  wide.student.assign(p.student.begin(), p.student.end());
  wide.teacher.assign(p.teacher.begin(), p.teacher.end());
  const auto got = harness::solve(logistic_rank{}, p);
  const auto expected = harness::solve(logistic_rank{}, wide);
  CHECK(got.value == doctest::Approx(expected.value).epsilon(1e-6));
  double worst = 0, largest = 0;
  for (std::size_t c = 0; c < p.student.size(); ++c) {
    worst = std::max(worst, std::abs(static_cast<double>(got.student[c]) - expected.student[c]));
    largest = std::max(largest, std::abs(expected.student[c]));
  }
  CHECK(worst <= 2e-7 * largest);
}

TEST_CASE("hinge_rank, logistic_rank: without a pair") {
  const double gone = -harness::infinity<double>;
  for (const auto& p : {harness::problem<double>{1, 3, {1, 2, 3}, {4, 4, 4}, {0}},
                        harness::problem<double>{1, 3, {1, gone, 3}, {4, 5, gone}, {1}},
                        harness::problem<double>{1, 1, {1}, {1}, {0}}}) {
    CHECK(harness::solve(hinge_rank{}, p).value == 0);
    const auto got = harness::solve(logistic_rank{}, p);
    CHECK(got.value == 0);
    CHECK(std::all_of(got.student.begin(), got.student.end(), [](double g) { return g == 0; }));
  }
  // The label is not there.
  const harness::problem<double> p{1, 3, {1, gone, 3}, {4, 5, 4}, {1}};
  CHECK(harness::solve(hinge_rank{.pairs = rank_pairs::label_first}, p).value == 0);
}

TEST_CASE("hinge_rank, logistic_rank: a score of +inf makes its row NaN") {
  for (const bool of_student : {true, false})
    for (const auto pairs : {rank_pairs::teacher_order, rank_pairs::label_first}) {
      auto p = harness::random_problem<float>(2, 5, 43);
      (of_student ? p.student : p.teacher)[6] = harness::infinity<float>;
      const auto check = [&](const auto& objective) {
        const auto got = harness::solve(objective, p);
        CHECK(std::isnan(got.value));
        for (std::size_t i = 0; i < 10; ++i) CHECK(std::isnan(got.student[i]) == (i >= 5));
      };
      check(hinge_rank{.pairs = pairs});
      check(logistic_rank{.pairs = pairs});
    }
}

TEST_CASE("hinge_rank, logistic_rank: labels and bad input") {
  auto p = harness::random_problem<double>(2, 3, 42);
  auto in = harness::inputs_of(hinge_rank{}, p);
  in.labels = {};
  CHECK(distill::value(hinge_rank{}, in) > 0);
  CHECK(harness::message_of([&] { distill::value(hinge_rank{.pairs = rank_pairs::label_first}, in); }) ==
        "distill: labels are empty, the objective needs them");
  p.labels[1] = 3;
  CHECK(harness::solve(logistic_rank{}, p).value > 0);
  CHECK(harness::message_of([&] { harness::solve(logistic_rank{.pairs = rank_pairs::label_first}, p); }) ==
        "distill: labels[1] is 3, must lie in [0, 3) or be ignore_index (-100)");
  p.labels[1] = -100;
  const auto got = harness::solve(logistic_rank{.pairs = rank_pairs::label_first}, p);
  CHECK(std::all_of(got.student.begin() + 3, got.student.end(), [](double g) { return g == 0; }));
  CHECK(harness::message_of([&] { harness::solve(hinge_rank{.margin = -1}, p); }) ==
        "distill: hinge_rank: margin is -1, must be finite and not negative");
}
