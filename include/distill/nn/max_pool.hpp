// Maximum over windows.
#pragma once

#include <concepts>
#include <string>

#include "../config.hpp"
#include "detail/largest_of_four.hpp"
#include "detail/largest_of_window.hpp"
#include "detail/window_shape.hpp"
#include "layer.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// y[n, c, i, j] = max of the window × window pixels of x[n, c] that start at (i·stride − padding, j·stride − padding),
/// those outside the image left out. Windows that do not fit are left out: y has (height + 2 padding − window)/stride +
/// 1 rows, rounded down.
///
/// The gradient goes to the largest pixel, the first one in row-major order of several equal ones. A NaN in the window
/// is its maximum.
template <class T>
class max_pool : public layer<T> {
 public:
  /// stride 0 means stride = window.
  /// @throws argument_error  window not in [1, 4096], stride negative, padding not in [0, window/2]
  explicit max_pool(index window = 2, index stride = 0, index padding = 0)
      : layer<T>("max_pool(" + std::to_string(window) + ")"),
        window_(window),
        stride_(stride == 0 ? window : stride),
        padding_(padding) {
    // The place of the winner is kept as a T: a float holds whole numbers up to 4096² exactly.
    if (window < 1 || window > 4096 || stride < 0 || padding < 0 || padding > window / 2)
      fail("max_pool: window ", window, ", stride ", stride, ", padding ", padding,
           "; 1 to 4096, at least 0, 0 to half the window expected");
  }

  variable forward(tape<T>& t, variable input) const override {
    const tensor_view<const T> x = t.value(input);
    const detail::window_shape p{x.shape[2], x.shape[3], window_, stride_, padding_};
    if (x.shape.rank() != 4 || !p.fits())
      this->fail_shape(x.shape, "batch×channels×height×width of at least " + std::to_string(p.least()) + " pixels");
    const tensor_view<T> y = t.allocate({x.shape[0], x.shape[1], p.out_height(), p.out_width()});
    T* const winners = t.memory().template take<T>(y.size());
    parallel_for(x.shape[0] * x.shape[1], t.threads(x.size()), [&](index plane, int) {
      const T* in = x.data + plane * p.plane();
      const index out = plane * p.out_plane();
      with_way(p, [&](auto way) { way.forward(p, in, y.data + out, winners + out); });
    });
    return t.record(y, {input}, [=](tape<T>& on, variable self) { backward(on, self, p, winners); });
  }

 private:
  /// f(the way that suits the shape)
  template <class F>
  static void with_way(const detail::window_shape& p, const F& f) {
    if constexpr (std::floating_point<T>)
      if (p.window == 2 && p.stride == 2 && p.padding == 0) return f(detail::largest_of_four<T>());
    f(detail::largest_of_window<T>());
  }

  static void backward(tape<T>& t, variable self, const detail::window_shape& p, const T* winners) {
    const gradient_slot<T> slot = t.claim_gradient(t.input(self, 0));
    const tensor_view<const T> dy = t.gradient(self);
    parallel_for(dy.shape[0] * dy.shape[1], t.threads(slot.view.size()), [&](index plane, int) {
      T* dx = slot.view.data + plane * p.plane();
      const index out = plane * p.out_plane();
      with_way(p, [&](auto way) { way.backward(p, dy.data + out, winners + out, dx, slot.accumulate); });
    });
  }

  index window_, stride_, padding_;
};

}  // namespace nn
DISTILL_NAMESPACE_END
