#include <doctest/doctest.h>

#include <distill/objective/margin_mse.hpp>
#include <distill/row/side_by_side.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"
#include "harness/message.hpp"

using distill::margin_mse;

TEST_CASE("margin_mse: value and gradients against 50-digit references") {
  harness::against_references("margin_mse", [](const harness::parameters& p) {
    const bool sum = p.word("pairs") == "sum";
    return margin_mse{.pairs = sum ? distill::list_reduction::sum : distill::list_reduction::mean,
                      .temperature = p.temperature};
  });
}

TEST_CASE("margin_mse: properties") {
  harness::battery(margin_mse{});
  harness::battery(margin_mse{.pairs = distill::list_reduction::sum, .temperature = 2});
}

TEST_CASE("margin_mse: a pair, a list, the label's column") {
  const harness::problem<double> pair{1, 2, {3, 1}, {2.5, 2}, {0}};  // margins 2 and 0.5
  auto got = harness::solve(margin_mse{}, pair);
  CHECK(got.value == 2.25);
  CHECK(got.student == std::vector<double>{3, -3});
  CHECK(got.teacher == std::vector<double>{-3, 3});
  const harness::problem<double> list{1, 3, {1, 3, 0}, {2, 2.5, 0}, {1}};  // e: 2 - 0.5, 3 - 2.5
  got = harness::solve(margin_mse{}, list);
  CHECK(got.value == 1.25);
  CHECK(got.student == std::vector<double>{-1.5, 2, -0.5});
  CHECK(harness::solve(margin_mse{.pairs = distill::list_reduction::sum}, list).value == 2.5);
  auto in = harness::inputs_of(margin_mse{}, list);
  in.labels = {};  // column 0: e: -2 + 0.5, 1 - 2
  CHECK(distill::value(margin_mse{}, in) == 1.625);
}

TEST_CASE("margin_mse: lists of different lengths, rows without a pair") {
  const double gone = -harness::infinity<double>;
  const harness::problem<double> p{
      3, 3, {1, 0, gone, 1, gone, 5, gone, 2, 3}, {0, 2, 7, 0, 1, gone, 1, 2, 4}, {0, 0, 0}};
  const auto got = harness::solve(margin_mse{}, p);
  CHECK(got.value == 9);  // 1 - 0 - (0 - 2), and nothing else
  CHECK(got.student == std::vector<double>{6, -6, 0, 0, 0, 0, 0, 0, 0});
  CHECK(got.teacher == std::vector<double>{-6, 6, 0, 0, 0, 0, 0, 0, 0});
  const margin_mse sums{.pairs = distill::list_reduction::sum};
  const harness::problem<double> two{2, 3, {1, 0, 2, 1, 0, gone}, {0, 0, 0, 0, 0, 0}, {0, 0}};
  CHECK(harness::solve(sums, two, {.reduction = distill::reduction::count(3)}).value == 1);  // (1 + 1 + 1)/3
}

TEST_CASE("margin_mse: large scores, near margins") {
  harness::problem<float> p{1, 3, {1e8f, 1e8f - 64, 1e8f - 128}, {64, 0, -65}, {0}};
  CHECK(harness::solve(margin_mse{}, p).value == 0.5);  // margins 64 - 64 and 128 - 129
  p.student[0] = p.teacher[1] = std::numeric_limits<float>::max();
  p.student[1] = p.teacher[2] = std::numeric_limits<float>::lowest();
  const auto got = harness::solve(margin_mse{}, p);
  CHECK(got.value == INFINITY);
  for (const float g : got.student) CHECK(!std::isnan(g));
}

TEST_CASE("margin_mse: positive and negative scores in matrices of their own") {
  constexpr distill::index rows = 19, negatives = 5;
  const auto p = harness::random_problem<float>(rows, negatives + 1, 51);
  std::vector<float> positive, to_positive(rows, 3), negative(rows * negatives), to_negative(2 * rows * negatives, 3);
  for (distill::index r = 0; r < rows; ++r) {
    positive.push_back(p.student[static_cast<std::size_t>(r * 6)]);
    for (distill::index k = 0; k < negatives; ++k)  // by columns
      negative[static_cast<std::size_t>(k * rows + r)] = p.student[static_cast<std::size_t>(r * 6 + 1 + k)];
  }
  auto in = harness::inputs_of(margin_mse{}, p);
  in.labels = {};
  harness::answer<float> expected{0, p.student, p.teacher};
  expected.value = distill::value_and_gradient(
      margin_mse{}, in, {.student = distill::matrix_view<float>(expected.student.data(), rows, 6)});
  const distill::side_by_side scores(distill::matrix_view<const float>(positive.data(), rows, 1),
                                     distill::matrix_view<const float>(negative.data(), rows, 5, 1, rows));
  static_assert(std::is_same_v<decltype(scores), const distill::side_by_side<float, 2>>);
  for (const auto mode : {distill::store_mode::overwrite, distill::store_mode::accumulate}) {
    const bool adds = mode == distill::store_mode::accumulate;
    std::fill(to_positive.begin(), to_positive.end(), 3.0f);
    std::fill(to_negative.begin(), to_negative.end(), 3.0f);
    distill::side_by_side_gradients to_scores(mode, distill::matrix_view<float>(to_positive.data(), rows, 1),
                                              distill::matrix_view<float>(to_negative.data(), rows, 5, 10, 2));
    in.student = scores;
    CHECK(distill::value_and_gradient(margin_mse{}, in, {.student = to_scores}, {.execution = {.threads = 2}}).value ==
          expected.value);
    for (std::size_t r = 0; r < rows; ++r) {
      CHECK(to_positive[r] == expected.student[6 * r] + (adds ? 3 : 0));
      for (std::size_t k = 0; k < 5; ++k) {
        CHECK(to_negative[10 * r + 2 * k] == expected.student[6 * r + 1 + k] + (adds ? 3 : 0));
        CHECK(to_negative[10 * r + 2 * k + 1] == 3);
      }
    }
  }
}

TEST_CASE("margin_mse: bad input") {
  auto p = harness::random_problem<double>(2, 3, 52);
  p.labels[1] = -1;
  CHECK(harness::message_of([&] { harness::solve(margin_mse{}, p); }) ==
        "distill: labels[1] is -1, must lie in [0, 3) or be ignore_index (-100)");
  const distill::matrix_view<const double> two(p.student.data(), 2, 1), three(p.student.data(), 3, 2);
  CHECK(harness::message_of([&] { distill::side_by_side<double, 2>(two, three); }) ==
        "distill: side_by_side: part 1 has 3 rows, part 0 has 2");
  CHECK(harness::message_of([&] { distill::side_by_side<double, 2>(two, distill::row_input<double>()); }) ==
        "distill: side_by_side: part 1 of 2 is empty");
}
