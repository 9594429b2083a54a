// Windows over a plane.
#pragma once

#include <algorithm>
#include <utility>

#include "../../config.hpp"
#include "../../core/matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn::detail {

/// Windows of window × window pixels on a plane with `padding` pixels around it, `stride` apart.
struct window_shape {
  index height = 0, width = 0;
  index window = 1, stride = 1, padding = 0;

  index out_height() const { return (height + 2 * padding - window) / stride + 1; }
  index out_width() const { return (width + 2 * padding - window) / stride + 1; }
  index plane() const { return height * width; }
  index out_plane() const { return out_height() * out_width(); }
  index taps() const { return window * window; }
  /// What height and width have to reach: a window, and a pixel that is none of the padding.
  index least() const { return std::max<index>(1, window - 2 * padding); }
  bool fits() const { return height >= least() && width >= least(); }

  /// The pixels [first, last) of window number `at` that lie inside an axis of `extent` pixels.
  std::pair<index, index> pixels(index at, index extent) const {
    const index start = at * stride - padding;
    return {std::max<index>(0, start), std::min(extent, start + window)};
  }
  /// The windows [first, last) of `count` whose pixel number `tap` lies inside an axis of `extent` pixels.
  std::pair<index, index> windows(index tap, index extent, index count) const {
    const index start = tap - padding;
    const index first = start >= 0 ? 0 : std::min((stride - 1 - start) / stride, count);
    const index last = start >= extent ? first : std::clamp<index>((extent - 1 - start) / stride + 1, first, count);
    return {first, last};
  }
};

}  // namespace nn::detail
DISTILL_NAMESPACE_END
