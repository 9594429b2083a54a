#include <doctest/doctest.h>

#include <distill/state/add_probabilities.hpp>

#include <cmath>
#include <vector>

#include "harness/message.hpp"

namespace add_probabilities_tests {

using distill::index;
using distill::matrix_view;
using harness::message_of;

TEST_CASE("add_probabilities: the mean softmax of every class, in as many calls as one likes") {
  const std::vector<float> z{0, 0, std::log(3.0f), 0, -INFINITY, 5, 1, 1};
  const std::vector<int> y{0, 0, 1, -1};
  distill::class_means<float> whole(3, 2), parts(3, 2);
  distill::add_probabilities(whole, {z.data(), 4, 2}, y);
  distill::add_probabilities(parts, {z.data(), 1, 2}, {y.data(), 1});
  distill::add_probabilities(parts, {z.data() + 2, 3, 2}, {y.data() + 1, 3});
  const matrix_view<const float> table = whole.means();
  const std::vector<double> wanted{0.625, 0.375, 0, 1, 0, 0};
  for (index k = 0; k < 6; ++k) {
    CHECK(table(k / 2, k % 2) == doctest::Approx(wanted[static_cast<std::size_t>(k)]));
    CHECK(table(k / 2, k % 2) == parts.means()(k / 2, k % 2));
  }
  const std::vector<int> bad{0, 1, 3, 0};
  CHECK(message_of([&] {
          distill::add_probabilities(whole, {z.data(), 4, 2}, bad);
        }) == "distill: class_means: labels[2] is 3, must lie in [0, 3) or be -1");
  CHECK(message_of([&] {
          distill::add_probabilities(whole, {z.data(), 2, 4}, {y.data(), 2});
        }) == "distill: class_means: features has 4 columns, expected 2");
}

}  // namespace add_probabilities_tests
