// What a caller of a pair objective can get wrong, and padding.
#include <distill/objective/cka.hpp>
#include <distill/objective/correlation_congruence.hpp>
#include <distill/objective/dist.hpp>
#include <distill/objective/fsp.hpp>
#include <distill/objective/gaussian_mmd.hpp>
#include <distill/objective/pkt.hpp>
#include <distill/objective/polynomial_mmd.hpp>
#include <distill/objective/rbf_cka.hpp>
#include <distill/objective/relation_kl.hpp>
#include <distill/objective/relation_mse.hpp>
#include <distill/objective/similarity_preserving.hpp>
#include <distill/objective/token_graph.hpp>

#include "harness/pair.hpp"

namespace pair_tests {

using distill::feature_gradients;
using distill::feature_pair;
using distill::feature_shape;
using distill::index;
using distill::matrix_view;
using harness::message_of;
using harness::stack_of;

/// What a call on features of the given shapes says; gradients begin as 5 and must stay so.
template <class Objective>
std::string says(const Objective& objective, feature_shape student, feature_shape teacher, index student_items = 1,
                 index teacher_items = 1, feature_shape gradient = {}, index gradient_items = -1) {
  if (gradient.rows == 0) gradient = student;
  if (gradient_items < 0) gradient_items = student_items;
  const std::vector<float> s(400, 0.5f), t(400, 0.25f);
  std::vector<float> g(400, 5.0f);
  const std::string message = message_of([&] {
    distill::value_and_gradient(
        objective,
        feature_pair<float>{stack_of(s.data(), student_items, student), stack_of(t.data(), teacher_items, teacher)},
        {.student = stack_of(g.data(), gradient_items, gradient)});
  });
  CHECK(std::all_of(g.begin(), g.end(), [](float x) { return x == 5.0f; }));
  return message;
}

TEST_CASE("pair objectives: shapes that do not go together") {
  const distill::similarity_preserving sp;
  CHECK(says(sp, {5, 3}, {6, 3}) == "distill: what is compared of the student is 5 x 5, of the teacher 6 x 6");
  CHECK(says(sp, {5, 3}, {5, 3}, 2, 3) == "distill: teacher has 3 items, student has 2");
  CHECK(says(sp, {5, 3}, {5, 4}, 1, 1, {5, 4}) == "distill: gradient to student is 5 x 4, the features are 5 x 3");
  CHECK(says(sp, {5, 3}, {5, 4}, 2, 2, {5, 3}, 1) == "distill: gradient to student has 1 items, the features have 2");
  CHECK(says(distill::cka{}, {5, 3}, {4, 3}) ==
        "distill: what is compared of the student is 5 x 5, of the teacher 4 x 4");
  CHECK(says(distill::dist{}, {5, 3}, {5, 4}) == "distill: student has 3 columns, teacher has 4");
  CHECK(says(distill::polynomial_mmd{}, {5, 3}, {4, 4}) == "distill: student has 3 columns, teacher has 4");
  CHECK(says(distill::fsp{}, {5, 3}, {5, 3}) == "distill: student_next has 0 items, student has 1");
}

TEST_CASE("pair objectives: parameters out of range") {
  const feature_shape s{5, 3};
  CHECK(says(distill::pkt{.epsilon = -1}, s, s) == "distill: pkt: epsilon is -1, must be at least 0 and below 1");
  CHECK(says(distill::dist{.temperature = 0}, s, s) ==
        "distill: softmax_rows: temperature is 0, must be positive and finite");
  CHECK(says(distill::rbf_cka{.width = -1}, s, s) ==
        "distill: gaussian_kernel: width is -1, must be positive, or 0 for the median");
  CHECK(says(distill::token_graph{.neighbours = 0}, s, s) ==
        "distill: neighbour_kernel: neighbours is 0, must be at least 1");
  CHECK(says(distill::token_graph{.sigma = 0}, s, s) == "distill: neighbour_kernel: sigma is 0, must be positive");
  CHECK(says(distill::correlation_congruence{.gamma = 0}, s, s) ==
        "distill: correlation_congruence: gamma is 0, must be positive");
  CHECK(says(distill::correlation_congruence{.order = 8}, s, s) ==
        "distill: correlation_congruence: order is 8, must be between 1 and 7");
  CHECK(says(distill::polynomial_mmd{.degree = 5}, s, s) ==
        "distill: polynomial_mmd: degree is 5, must be between 1 and 4");
  CHECK(says(distill::gaussian_mmd{.kernels = 0}, s, s) ==
        "distill: gaussian_scales: kernels is 0, must be between 1 and 10");
  std::vector<float> data(15);
  const matrix_view<float> m(data.data(), 5, 3);
  CHECK(message_of([&] {
          distill::value(distill::cka{}, feature_pair<float>{m, m}, {.execution = {.threads = -1}});
        }) == "distill: execution.threads is -1, must not be negative");
}

TEST_CASE("feature stacks: axes and heads") {
  float x = 0;
  CHECK(message_of([&] {
          distill::channel_maps(&x, {1, 2, -3, 4});
        }) == "distill: channel_maps: height is -3, must not be negative");
  CHECK(message_of([&] {
          distill::pixel_features(&x, {1, 2, 3, 4}, {100, 50, 9, 1});
        }) == "distill: pixel_features: the stride of height is 9, must be width times its stride: 4");
  CHECK(message_of([&] { distill::attention_heads(&x, 1, 4, 6, 7); }) ==
        "distill: attention_heads: heads is 7, must be between 1 and the width, 6");
  const auto heads = distill::attention_heads(&x, 2, 4, 7, 3);  // two features a head, one left out
  CHECK(heads.items == 6);
  CHECK(heads.shape == feature_shape{4, 2});
  CHECK(heads.item(4).data - &x == 1 * 4 * 7 + 1 * 2);
  CHECK(heads.item(4).row_stride == 7);
  const auto pixels = distill::pixel_features(&x, {2, 3, 4, 5});
  CHECK(&pixels.item(1)(7, 2) - &x == 1 * 60 + 2 * 20 + 7);
  const auto channels = distill::channel_maps(&x, {2, 3, 4, 5});
  CHECK(channels.shape == feature_shape{3, 20, 4, 5});
  CHECK(&channels.item(1)(2, 7) - &x == 1 * 60 + 2 * 20 + 7);
}

TEST_CASE("relations: padded tokens take no part") {
  const index items = 3, heads = 2, rows = 6, columns = 4;
  auto p = harness::random_features<double>({feature_shape{rows, columns}, feature_shape{rows, columns + 1}},
                                            items * heads, 4);
  const std::vector<std::int32_t> lengths{6, 0, 4};
  for (index i = 0; i < items * heads; ++i)  // padding may hold anything
    for (index r = lengths[static_cast<std::size_t>(i / heads)]; r < rows; ++r)
      p.at(0, r, 0, i) = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> gradient(p.size(0), 7.0);
  auto in = harness::inputs_of(p);
  in.valid_rows = lengths;
  const double value = distill::value_and_gradient(distill::relation_kl{}, in,
                                                   {.student = stack_of(gradient.data(), p.items, p.shape[0])});
  double expected = 0;
  for (index i = 0; i < items * heads; ++i) {
    const index length = lengths[static_cast<std::size_t>(i / heads)];
    const matrix_view<const double> s(&p.at(0, 0, 0, i), length, columns), t(&p.at(1, 0, 0, i), length, columns + 1);
    std::vector<double> alone(static_cast<std::size_t>(rows * columns), 0.0);
    if (length > 0)
      expected += distill::value_and_gradient(distill::relation_kl{}, feature_pair<double>{s, t},
                                              {.student = matrix_view<double>(alone.data(), length, columns)});
    for (std::size_t k = 0; k < alone.size(); ++k)
      CHECK(gradient[static_cast<std::size_t>(i * rows * columns) + k] ==
            doctest::Approx(alone[k] / static_cast<double>(items * heads)).epsilon(1e-14));
  }
  CHECK(value == doctest::Approx(expected / static_cast<double>(items * heads)).epsilon(1e-14));

  const std::vector<std::int32_t> four{6, 6, 6, 6}, long_one{6, 7, 6};
  in.valid_rows = four;
  CHECK(message_of([&] { distill::value(distill::relation_mse{}, in); }) ==
        "distill: valid_rows has 4 entries, the features have 6 items");
  in.valid_rows = long_one;
  CHECK(message_of([&] { distill::value(distill::relation_mse{}, in); }) ==
        "distill: valid_rows[1] is 7, the features have 6 rows");
}

}  // namespace pair_tests
