// Images shifted by a few pixels.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

#include "../config.hpp"
#include "image_extents.hpp"
#include "sample_key.hpp"

DISTILL_NAMESPACE_BEGIN
namespace data {

/// Cuts an image of the old size out of the image with a margin of `padding` pixels on every side, at a place that is
/// uniform among all (2 · padding + 1)². The margin holds `fill`: what black became if normalisation comes before.
struct random_crop {
  image_extents image{};
  index padding = 4;
  double fill = 0;

  /// @throws argument_error  a row of another size, negative padding
  template <class T>
  void operator()(std::span<T> row, const sample_key& key) const {
    image.check("random_crop", row.size());
    if (padding < 0) fail("random_crop: padding is ", padding, ", at least 0 expected");
    const random_stream random = key.stream(2);
    const auto places = static_cast<std::uint64_t>(2 * padding + 1);
    const index down = static_cast<index>(random.below(places, 0)) - padding,
                right = static_cast<index>(random.below(places, 1)) - padding;
    for (index c = 0; c < image.channels; ++c) shift(row.data() + c * image.height * image.width, down, right);
  }

 private:
  /// channel(y, x) ← channel(y + down, x + right), in place: lines that are still to be read are not yet written.
  template <class T>
  void shift(T* channel, index down, index right) const {
    const index first = std::clamp<index>(-right, 0, image.width),
                last = std::clamp<index>(image.width - right, first, image.width);
    const T outside = static_cast<T>(fill);
    for (index i = 0; i < image.height; ++i) {
      const index y = down >= 0 ? i : image.height - 1 - i, from = y + down;
      T* const line = channel + y * image.width;
      if (from < 0 || from >= image.height || last <= first) {
        std::fill_n(line, image.width, outside);
        continue;
      }
      std::memmove(line + first, channel + from * image.width + first + right,
                   static_cast<std::size_t>(last - first) * sizeof(T));
      std::fill(line, line + first, outside);
      std::fill(line + last, line + image.width, outside);
    }
  }
};

}  // namespace data
DISTILL_NAMESPACE_END
