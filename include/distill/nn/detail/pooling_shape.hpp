// Windows over a plane.
#pragma once

#include <algorithm>

#include "../../config.hpp"
#include "../../core/matrix_view.hpp"
#include "../tensor_shape.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn::detail {

/// Windows of window × window pixels on a plane with `padding` pixels around it, `stride` apart.
struct pooling_shape {
  index height = 0, width = 0;
  index window = 1, stride = 1, padding = 0;

  index out_height() const { return (height + 2 * padding - window) / stride + 1; }
  index out_width() const { return (width + 2 * padding - window) / stride + 1; }
  index plane() const { return height * width; }
  index out_plane() const { return out_height() * out_width(); }
  /// What height and width have to reach: a window, and a pixel that is none of the padding.
  index least() const { return std::max<index>(1, window - 2 * padding); }
  bool fits() const { return height >= least() && width >= least(); }

  /// The part of a window, [first, last), that lies inside an axis of `extent` pixels; `at` = its place times stride.
  void inside(index at, index extent, index& first, index& last) const {
    first = std::max<index>(0, at - padding);
    last = std::min(extent, at - padding + window);
  }
};

}  // namespace nn::detail
DISTILL_NAMESPACE_END
