#include <doctest/doctest.h>

#include <distill/core/random.hpp>
#include <distill/target/boundary_masks.hpp>

#include <string>
#include <vector>

#include "harness/message.hpp"

using distill::boundary_masks;
using distill::index;
using distill::matrix_view;

namespace {

struct label_map {
  index height, width;
  std::vector<int> labels;

  distill::any_matrix<index> view() const { return matrix_view<const int>(labels.data(), height, width); }
  int at(index y, index x) const { return labels[static_cast<std::size_t>(y * width + x)]; }
};

struct masks {
  std::vector<double> edge, body;
};
masks of(const boundary_masks& how, const label_map& map, index classes, index height, index width) {
  const auto size = static_cast<std::size_t>(classes * height * width);
  masks result{std::vector<double>(size, 7), std::vector<double>(size, 7)};
  how.fill(map.view(), height, width, matrix_view<double>(result.edge.data(), classes, height * width),
           matrix_view<double>(result.body.data(), classes, height * width));
  return result;
}

/// Straight from the definition: one-hot maps, maxima over windows, averages.
masks defined(const boundary_masks& how, const label_map& map, index classes, index height, index width) {
  masks result;
  const auto extreme = [&](index c, index y, index x, bool inverted) {
    double most = 0;
    for (index v = std::max<index>(0, y - how.edge_width / 2); v <= std::min(map.height - 1, y + how.edge_width / 2);
         ++v)
      for (index u = std::max<index>(0, x - how.edge_width / 2); u <= std::min(map.width - 1, x + how.edge_width / 2);
           ++u) {
        const double one_hot = map.at(v, u) == c && map.at(v, u) != how.ignore ? 1 : 0;
        most = std::max(most, inverted ? 1 - one_hot : one_hot);
      }
    return most;
  };
  for (index c = 0; c < classes; ++c)
    for (index i = 0; i < height; ++i)
      for (index j = 0; j < width; ++j) {
        double edge = 0, valid = 0, count = 0;
        for (index y = i * map.height / height; y < ((i + 1) * map.height + height - 1) / height; ++y)
          for (index x = j * map.width / width; x < ((j + 1) * map.width + width - 1) / width; ++x) {
            const double known = map.at(y, x) != how.ignore ? 1 : 0;
            edge += known * (extreme(c, y, x, false) - (1 - extreme(c, y, x, true)));
            valid += known;
            count += 1;
          }
        result.edge.push_back(edge / count * (valid / count));
        result.body.push_back((1 - result.edge.back()) * (valid / count));
      }
  return result;
}

/// Blobs of `classes` labels with some unlabelled pixels.
label_map blobs(index height, index width, index classes, int ignore, std::uint64_t seed) {
  label_map map{height, width, {}};
  const distill::random_stream random(seed);
  for (index y = 0; y < height; ++y)
    for (index x = 0; x < width; ++x) {
      const auto block = static_cast<std::uint64_t>((y / 4) * 100 + x / 5);
      const auto pixel = static_cast<std::uint64_t>(10000 + y * width + x);
      map.labels.push_back(random.uniform(pixel) < 0.05
                               ? ignore
                               : static_cast<int>(random.below(static_cast<std::uint64_t>(classes), block)));
    }
  return map;
}

}  // namespace

TEST_CASE("boundary_masks are what the definition says") {
  for (const index width : {1, 3, 7})
    for (const auto& size : {std::pair<index, index>{16, 20}, {4, 5}, {5, 3}, {1, 1}, {20, 23}}) {
      const index height = size.first, columns = size.second;
      const boundary_masks how{.edge_width = width};
      const label_map map = blobs(16, 20, 4, 255, 1);
      const masks got = of(how, map, 4, height, columns), expected = defined(how, map, 4, height, columns);
      CAPTURE(width);
      CAPTURE(height);
      for (std::size_t i = 0; i < got.edge.size(); ++i) {
        CHECK(got.edge[i] == doctest::Approx(expected.edge[i]).epsilon(1e-14));
        CHECK(got.body[i] == doctest::Approx(expected.body[i]).epsilon(1e-14));
      }
    }
}

TEST_CASE("boundary_masks: a window of one pixel has no edges; a class that is absent is body everywhere") {
  const label_map map{2, 4, {0, 0, 1, 1, 0, 0, 1, 1}};
  const masks none = of({.edge_width = 1}, map, 2, 2, 4);
  for (const double x : none.edge) CHECK(x == 0);
  for (const double x : none.body) CHECK(x == 1);
  const masks some = of({.edge_width = 3}, map, 3, 1, 4);
  CHECK(some.edge == std::vector<double>{0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0});
  CHECK(some.body == std::vector<double>{1, 0, 0, 1, 1, 0, 0, 1, 1, 1, 1, 1});
  const masks pooled = of({.edge_width = 3}, map, 2, 1, 2);
  CHECK(pooled.edge == std::vector<double>{0.5, 0.5, 0.5, 0.5});
}

TEST_CASE("boundary_masks: pixels without label belong to neither, and make an edge beside them") {
  const label_map map{1, 4, {0, 0, 255, 255}};
  const masks got = of({.edge_width = 3}, map, 1, 1, 4);
  CHECK(got.edge == std::vector<double>{0, 1, 0, 0});
  CHECK(got.body == std::vector<double>{1, 0, 0, 0});
  const masks first = of({.edge_width = 3, .ignore = 0}, {1, 3, {0, 1, 1}}, 2, 1, 3);
  CHECK(first.edge == std::vector<double>{0, 0, 0, 0, 1, 0});  // the label to ignore may be a class's number
}

TEST_CASE("boundary_masks: errors, before anything is written") {
  const label_map map{2, 2, {0, 1, 2, 255}};
  CHECK(harness::message_of([&] { of({.edge_width = 4}, map, 3, 2, 2); }) ==
        "distill: boundary_masks: edge_width is 4, must be positive and odd");
  CHECK(harness::message_of([&] { of({}, map, 2, 2, 2); }) ==
        "distill: boundary_masks: labels[1, 0] is 2, must lie in [0, 2) or be 255");
  std::vector<double> memory(8);
  const auto fill = [&](index height, const matrix_view<double>& edge, const matrix_view<double>& body) {
    return harness::message_of([&] { boundary_masks{}.fill(map.view(), height, 2, edge, body); });
  };
  CHECK(fill(2, {memory.data(), 3, 2}, {memory.data(), 3, 2}) ==
        "distill: boundary_masks: edge has 2 columns, the output has 4 pixels");
  CHECK(fill(1, {memory.data(), 3, 2}, {memory.data(), 2, 2}) ==
        "distill: boundary_masks: body is 2 x 2, edge is 3 x 2");
  CHECK(harness::message_of([&] {
          of({}, label_map{0, 0, {}}, 1, 1, 1);
        }) == "distill: boundary_masks: labels is 0 x 0, the output is 1 x 1");
}
