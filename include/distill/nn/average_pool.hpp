// Mean over windows.
#pragma once

#include <algorithm>
#include <string>

#include "../config.hpp"
#include "detail/window_shape.hpp"
#include "layer.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// y[n, c, i, j] = Σ of the window × window pixels of x[n, c] that start at (i·stride − padding, j·stride − padding),
/// divided by window². Pixels outside the image are zeros and count. Windows that do not fit are left out: y has
/// (height + 2 padding − window)/stride + 1 rows, rounded down.
template <class T>
class average_pool : public layer<T> {
 public:
  /// stride 0 means stride = window. @throws argument_error  window below 1, stride negative, padding not in [0,
  /// window/2]
  explicit average_pool(index window = 2, index stride = 0, index padding = 0)
      : layer<T>("average_pool(" + std::to_string(window) + ")"),
        window_(window),
        stride_(stride == 0 ? window : stride),
        padding_(padding) {
    if (window < 1 || stride < 0 || padding < 0 || padding > window / 2)
      fail("average_pool: window ", window, ", stride ", stride, ", padding ", padding,
           "; at least 1, 0, 0 to half the window expected");
  }

  variable forward(tape<T>& t, variable input) const override {
    const tensor_view<const T> x = t.value(input);
    const detail::window_shape p{x.shape[2], x.shape[3], window_, stride_, padding_};
    if (x.shape.rank() != 4 || !p.fits())
      this->fail_shape(x.shape, "batch×channels×height×width of at least " + std::to_string(p.least()) + " pixels");
    const tensor_view<T> y = t.allocate({x.shape[0], x.shape[1], p.out_height(), p.out_width()});
    parallel_for(x.shape[0] * x.shape[1], t.threads(x.size()), [&](index plane, int) {
      const T* const in = x.data + plane * p.plane();
      T* const out = y.data + plane * p.out_plane();
      std::fill_n(out, p.out_plane(), T(0));
      for_each_pair(p, [&](index pixel, index window) { out[window] += in[pixel]; });
      for (index i = 0; i < p.out_plane(); ++i) out[i] *= share(p);
    });
    return t.record(y, {input}, [p](tape<T>& on, variable self) { backward(on, self, p); });
  }

 private:
  static T share(const detail::window_shape& p) { return T(1) / static_cast<T>(p.taps()); }

  /// f(pixel, window) for every pixel of every window, in an order that lets windows of a row be neighbours.
  template <class F>
  static void for_each_pair(const detail::window_shape& p, const F& f) {
    for (index i = 0; i < p.out_height(); ++i) {
      const auto [y0, y1] = p.pixels(i, p.height);
      for (index y = y0; y < y1; ++y)
        for (index kx = 0; kx < p.window; ++kx) {
          const auto [first, last] = p.windows(kx, p.width, p.out_width());
          for (index j = first; j < last; ++j) f(y * p.width + j * p.stride - p.padding + kx, i * p.out_width() + j);
        }
    }
  }

  static void backward(tape<T>& t, variable self, const detail::window_shape& p) {
    const gradient_slot<T> slot = t.claim_gradient(t.input(self, 0));
    const tensor_view<const T> dy = t.gradient(self);
    parallel_for(dy.shape[0] * dy.shape[1], t.threads(slot.view.size()), [&](index plane, int) {
      T* const dx = slot.view.data + plane * p.plane();
      const T* const g = dy.data + plane * p.out_plane();
      if (!slot.accumulate) std::fill_n(dx, p.plane(), T(0));
      for_each_pair(p, [&](index pixel, index window) { dx[pixel] += g[window] * share(p); });
    });
  }

  index window_, stride_, padding_;
};

}  // namespace nn
DISTILL_NAMESPACE_END
