#include <doctest/doctest.h>

#include <distill/target/feature_masks.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "harness/message.hpp"

using distill::index;
using distill::matrix_view;
using distill::random_stream;

TEST_CASE_TEMPLATE("feature masks are what their numbers say", T, float, double) {
  const random_stream random(3, 4);
  std::vector<T> pixels(5 * 40, T(7)), channels(5 * 40, T(7));
  fill_pixel_masks(0.65, random, matrix_view<T>(pixels.data(), 5, 40));
  fill_channel_masks(0.15, random, matrix_view<T>(channels.data(), 5, 40));
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    CHECK(pixels[i] == (random.uniform(i) <= 1 - 0.65 ? 1 : 0));
    CHECK(channels[i] == (random.uniform(i) >= 0.15 ? 1 : 0));
  }
  // The same whatever the memory looks like; another stream is another mask.
  std::vector<T> turned(5 * 40), other(5 * 40);
  fill_pixel_masks(0.65, random, matrix_view<T>(turned.data(), 5, 40, 1, 5));
  fill_pixel_masks(0.65, random_stream(3, 5), matrix_view<T>(other.data(), 5, 40));
  for (std::size_t i = 0; i < pixels.size(); ++i) CHECK(turned[i % 40 * 5 + i / 40] == pixels[i]);
  CHECK(other != pixels);
}

TEST_CASE("feature masks hide the share they are asked to") {
  std::vector<float> mask(100000);
  const matrix_view<float> m(mask.data(), 100, 1000);
  const auto kept = [&] {
    double sum = 0;
    for (const float x : mask) sum += static_cast<double>(x);
    return sum / 100000;
  };
  fill_pixel_masks(0.75, random_stream(1), m);
  CHECK(kept() == doctest::Approx(0.25).epsilon(0.02));
  fill_channel_masks(0.15, random_stream(1), m);
  CHECK(kept() == doctest::Approx(0.85).epsilon(0.02));
  fill_pixel_masks(0, random_stream(1), m);
  CHECK(kept() == 1);
  fill_channel_masks(0, random_stream(1), m);
  CHECK(kept() == 1);
  fill_channel_masks(1, random_stream(1), m);
  CHECK(kept() == 0);
  CHECK(harness::message_of([&] { fill_pixel_masks(1.5, random_stream(1), m); }) ==
        "distill: fill_pixel_masks: hidden is 1.5, must lie in [0, 1]");
  CHECK(harness::message_of([&] { fill_channel_masks(NAN, random_stream(1), m); }) ==
        "distill: fill_channel_masks: hidden is nan, must lie in [0, 1]");
}

TEST_CASE_TEMPLATE("apply_mask selects: what is hidden may be infinite", T, float, double) {
  const T infinity = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  std::vector<T> x{1, infinity, 3, nan, 5, -infinity}, y(6, T(9));
  const std::vector<T> pixels{1, 0, T(0.5)}, channels{1, 0};
  distill::apply_mask<T>({x.data(), 2, 3}, {pixels.data(), 2, 3, 0, 1}, {y.data(), 2, 3});
  CHECK((y[0] == 1 && y[1] == 0 && y[2] == T(1.5) && std::isnan(y[3]) && y[4] == 0 && y[5] == -infinity));
  distill::apply_mask<T>({x.data(), 2, 3}, {channels.data(), 2, 3, 1, 0}, {x.data(), 2, 3});  // in place
  CHECK((x[0] == 1 && x[1] == infinity && x[2] == 3 && x[3] == 0 && x[4] == 0 && x[5] == 0));
  CHECK(harness::message_of([&] {
          distill::apply_mask<T>({x.data(), 2, 3}, {pixels.data(), 1, 3}, {y.data(), 2, 3});
        }) == "distill: apply_mask: mask is 1 x 3, the features are 2 x 3");
  CHECK(harness::message_of([&] {
          distill::apply_mask<T>({x.data(), 2, 3}, {pixels.data(), 2, 3, 0, 1}, {y.data(), 3, 2});
        }) == "distill: apply_mask: the result is 3 x 2, the features are 2 x 3");
}
