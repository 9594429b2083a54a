// The largest pixel of a window.
#pragma once

#include <algorithm>

#include "../../config.hpp"
#include "../../core/dual.hpp"
#include "window_shape.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn::detail {

/// One plane of max_pool, any window. A winner is named by its place in the window, in row-major order: as a T, like
/// everything that largest_of_four does in vectors.
template <class T>
struct largest_of_window {
  static void forward(const window_shape& p, const T* in, T* out, T* winners) {
    for (index i = 0; i < p.out_height(); ++i) {
      const auto [y0, y1] = p.pixels(i, p.height);
      for (index j = 0; j < p.out_width(); ++j) {
        const auto [x0, x1] = p.pixels(j, p.width);
        T best = in[y0 * p.width + x0];
        index at = y0 * p.width + x0;
        for (index y = y0; y < y1; ++y)
          for (index x = x0; x < x1; ++x) {
            const T v = in[y * p.width + x];
            const bool larger = !(v <= best) && best == best;  // NaN is the largest, the first one of several
            best = larger ? v : best;
            at = larger ? y * p.width + x : at;
          }
        const index y = at / p.width - (i * p.stride - p.padding), x = at % p.width - (j * p.stride - p.padding);
        *out++ = best;
        *winners++ = static_cast<T>(y * p.window + x);
      }
    }
  }

  /// dx = (or +=) dy at the winners, 0 elsewhere.
  static void backward(const window_shape& p, const T* dy, const T* winners, T* dx, bool accumulate) {
    if (!accumulate) std::fill_n(dx, p.plane(), T(0));
    for (index i = 0; i < p.out_height(); ++i)
      for (index j = 0; j < p.out_width(); ++j) {
        const index place = static_cast<index>(value_of(*winners++));
        const index y = i * p.stride - p.padding + place / p.window, x = j * p.stride - p.padding + place % p.window;
        dx[y * p.width + x] += *dy++;
      }
  }
};

}  // namespace nn::detail
DISTILL_NAMESPACE_END
