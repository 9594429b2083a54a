// Objectives that compare feature maps entry by entry, or what is left of them after pooling.
#include <distill/objective/attention_transfer.hpp>
#include <distill/objective/channel_distribution.hpp>
#include <distill/objective/factor_transfer.hpp>
#include <distill/objective/hint.hpp>
#include <distill/objective/masked_generation.hpp>
#include <distill/objective/pooled_feature.hpp>
#include <distill/objective/review_hcl.hpp>

#include "harness/pair.hpp"

namespace {

using distill::feature_shape;
using distill::index;
using harness::feature_problem;
using harness::parameters;

constexpr feature_shape map(index channels, index height, index width) {
  return {channels, height * width, height, width};
}
/// Three images of channels × 3 × 4 on both sides.
harness::pair_battery_options of_maps() {
  return {.items = 3, .student = map(3, 3, 4), .teacher = map(3, 3, 4), .larger = map(70, 5, 7)};
}
bool all_zero(const std::vector<double>& g) {
  return std::all_of(g.begin(), g.end(), [](double x) { return x == 0; });
}

TEST_CASE("hint") {
  harness::pair_battery(distill::hint{}, of_maps());
  harness::pair_references("hint", [](const parameters&) { return distill::hint{}; });
}

TEST_CASE("masked_generation") {
  harness::pair_battery(distill::masked_generation{}, of_maps());
  harness::pair_references("masked_generation", [](const parameters&) { return distill::masked_generation{}; });
}

TEST_CASE("pooled_feature") {
  auto options = of_maps();
  options.teacher = map(3, 2, 5);
  harness::pair_battery(distill::pooled_feature{}, options);
  harness::pair_references("pooled_feature", [](const parameters&) { return distill::pooled_feature{}; });
}

TEST_CASE("channel_distribution") {
  harness::pair_battery(distill::channel_distribution{.temperature = 2}, of_maps());
  harness::pair_references("channel_distribution", [](const parameters& p) {
    return distill::channel_distribution{.temperature = p["temperature"]};
  });
}

TEST_CASE("factor_transfer") {
  for (const bool squared : {false, true}) harness::pair_battery(distill::factor_transfer{squared}, of_maps());
  harness::pair_references("factor_transfer",
                           [](const parameters& p) { return distill::factor_transfer{p["squared"] != 0}; });
}

TEST_CASE("review_hcl") {
  harness::pair_battery(distill::review_hcl{}, of_maps());
  auto options = of_maps();
  options.student = options.teacher = map(2, 6, 5);  // cells that overlap
  options.larger = map(40, 9, 3);                    // more cells than pixels along a line
  harness::pair_battery(distill::review_hcl{}, options);
  harness::pair_references("review_hcl", [](const parameters&) { return distill::review_hcl{}; });
}

TEST_CASE("review_hcl: levels that are not lower than the map take no weight") {
  const auto value = [](index height, index width) {
    auto p = harness::random_features<double>({map(2, height, width), map(2, height, width)}, 1, 3);
    for (std::size_t i = 0; i < p.size(0); ++i) p.data[0][i] = p.data[1][i] + 0.5;
    return harness::solve(distill::review_hcl{}, p).value;
  };
  for (const index height : {1, 2, 3, 4, 5, 8}) CHECK(value(height, 3) == doctest::Approx(0.25));  // of a constant gap
  auto line = harness::random_features<double>({map(2, 1, 6), map(2, 1, 6)}, 1, 4);
  CHECK(harness::solve(distill::review_hcl{}, line).value ==
        doctest::Approx(harness::solve(distill::hint{}, line).value));
}

TEST_CASE("review_hcl: errors") {
  const auto message = [](const feature_shape& s, const feature_shape& t) {
    const auto p = harness::random_features<double>({s, t}, 1, 5);
    return harness::message_of([&] { harness::solve(distill::review_hcl{}, p); });
  };
  CHECK(message(map(2, 3, 4), map(2, 4, 3)) == "distill: student has maps of 3 x 4, teacher of 4 x 3");
  CHECK(message(map(2, 3, 4), map(3, 3, 4)) == "distill: student has 2 rows, teacher has 3");
  CHECK(message({2, 12}, {2, 12}) ==
        "distill: student: the columns must be the pixels of a map: 12 columns, height is 0, width is 0");
}

TEST_CASE("attention_transfer") {
  auto options = of_maps();
  options.teacher.rows = 4;
  for (const double power : {2.0, 4.0}) harness::pair_battery(distill::attention_transfer{power}, options);
  options.student = map(2, 6, 5), options.teacher = map(3, 4, 4);
  harness::pair_battery(distill::attention_transfer{3}, options);
  options.student = map(2, 3, 3), options.teacher = map(3, 3, 7);
  harness::pair_battery(distill::attention_transfer{2.5}, options);
  harness::pair_references("attention_transfer",
                           [](const parameters& p) { return distill::attention_transfer{p["power"]}; });
}

TEST_CASE("attention_transfer: the scale of the features does not matter, in float either") {
  const auto p = harness::random_features<float>({map(3, 3, 4), map(5, 3, 4)}, 2, 6);
  for (const double power : {1.0, 2.0, 4.0, 1.5}) {
    const distill::attention_transfer objective{power};
    const auto expected = harness::solve(objective, p);
    for (const int exponent : {-100, -40, 33, 80, 120}) {
      auto scaled = p;
      for (float& x : scaled.data[0]) x = std::ldexp(x, exponent);
      const auto got = harness::solve(objective, scaled);
      CAPTURE(power);
      CAPTURE(exponent);
      CHECK(got.value == expected.value);
      for (std::size_t i = 0; i < expected.gradient[0].size(); ++i)
        CHECK(got.gradient[0][i] == doctest::Approx(std::ldexp(expected.gradient[0][i], -exponent)));
      CHECK(got.gradient[1] == expected.gradient[1]);
    }
  }
}

TEST_CASE("attention_transfer: a map of zeros gets no gradient, and weighs like one that is nowhere active") {
  for (const double power : {1.0, 2.0, 0.5}) {
    auto p = harness::random_features<double>({map(3, 2, 3), map(3, 2, 3)}, 1, 7);
    std::fill(p.data[0].begin(), p.data[0].end(), 0.0);
    const auto one = harness::solve(distill::attention_transfer{power}, p);
    CHECK(one.value == doctest::Approx(1.0 / 6));
    CHECK(all_zero(one.gradient[0]));
    std::fill(p.data[1].begin(), p.data[1].end(), 0.0);
    const auto none = harness::solve(distill::attention_transfer{power}, p);
    CHECK((none.value == 0 && all_zero(none.gradient[0]) && all_zero(none.gradient[1])));
  }
}

TEST_CASE("attention_transfer: errors") {
  const auto message = [](double power, const feature_shape& s, const feature_shape& t) {
    const auto p = harness::random_features<double>({s, t}, 1, 8);
    return harness::message_of([&] { harness::solve(distill::attention_transfer{power}, p); });
  };
  CHECK(message(0, map(2, 2, 2), map(2, 2, 2)) == "distill: attention_map: power is 0, must be positive and finite");
  CHECK(message(2, {2, 12}, {3, 9}) == "distill: what is compared of the student is 1 x 12, of the teacher 1 x 9");
  CHECK(message(2, {2, 12}, {3, 12}) == "no error");  // not said to be maps, but of one size
}

TEST_CASE("factor_transfer: a factor of zeros") {
  auto p = harness::random_features<double>({map(3, 2, 3), map(3, 2, 3)}, 1, 9);
  std::fill(p.data[0].begin(), p.data[0].end(), 0.0);
  const auto answer = harness::solve(distill::factor_transfer{true}, p);
  CHECK(answer.value == doctest::Approx(1));
  CHECK(all_zero(answer.gradient[0]));
}

}  // namespace
