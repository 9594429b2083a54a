// Mirror images.
#pragma once

#include <algorithm>
#include <span>

#include "../config.hpp"
#include "image_extents.hpp"
#include "sample_key.hpp"

DISTILL_NAMESPACE_BEGIN
namespace data {

/// Mirrors an image left to right with the given probability.
struct horizontal_flip {
  image_extents image{};
  double probability = 0.5;

  /// @throws argument_error  a row of another size
  template <class T>
  void operator()(std::span<T> row, const sample_key& key) const {
    image.check("horizontal_flip", row.size());
    if (!(key.stream(1).uniform(0) < probability)) return;
    for (T* line = row.data(); line != row.data() + row.size(); line += image.width)
      std::reverse(line, line + image.width);
  }
};

}  // namespace data
DISTILL_NAMESPACE_END
