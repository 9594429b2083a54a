// Maximum over windows.
#pragma once

#include <algorithm>
#include <string>

#include "../config.hpp"
#include "../core/sweep.hpp"
#include "layer.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// y[n, c, i, j] = max of the window × window pixels of x[n, c] that start at (i·stride, j·stride). Windows that do not
/// fit are left out: y has (height − window)/stride + 1 rows, rounded down.
///
/// The gradient goes to the largest pixel, the first one in row-major order of several equal ones. A NaN in the window
/// is its maximum.
template <class T>
class max_pool : public layer<T> {
 public:
  /// stride 0 means stride = window. @throws argument_error  window below 1, stride negative
  explicit max_pool(index window = 2, index stride = 0)
      : layer<T>("max_pool(" + std::to_string(window) + ")"), window_(window), stride_(stride == 0 ? window : stride) {
    if (window_ < 1 || stride_ < 1)
      fail("max_pool: window ", window, ", stride ", stride, "; at least 1 and 0 expected");
  }

  variable forward(tape<T>& t, variable input) const override {
    const tensor_view<const T> x = t.value(input);
    // A float holds whole numbers up to 2²⁴ exactly.
    if (x.shape.rank() == 4 && window_ * x.shape[3] > (index{1} << 24))
      fail(this->name, ": window ", window_, " × width ", x.shape[3], " is above 2^24");
    if (x.shape.rank() != 4 || x.shape[2] < window_ || x.shape[3] < window_)
      this->fail_shape(x.shape, "batch×channels×height×width of at least " + std::to_string(window_) + " pixels");
    const plane_pair p{
        x.shape[2], x.shape[3], (x.shape[2] - window_) / stride_ + 1, (x.shape[3] - window_) / stride_ + 1,
        window_,    stride_};
    const tensor_view<T> y = t.allocate({x.shape[0], x.shape[1], p.out_height, p.out_width});
    T* winners = t.memory().template take<T>(y.size());
    const index channels = x.shape[1], in_plane = p.height * p.width, out_plane = p.out_height * p.out_width;
    const arena::position start = t.memory().mark();
    const int threads = t.threads(x.size());
    T* scratch = t.memory().template take<T>(out_plane * threads);
    parallel_for(x.shape[0], threads, [&](index n, int thread) {
      for (index plane = n * channels; plane < (n + 1) * channels; ++plane)
        p.largest(x.data + plane * in_plane, y.data + plane * out_plane, winners + plane * out_plane,
                  scratch + out_plane * thread);
    });
    t.memory().rewind(start);
    const index stride = stride_;
    return t.record(y, {input}, [=](tape<T>& on, variable self) { backward(on, self, winners, stride); });
  }

 private:
  struct plane_pair {
    index height, width, out_height, out_width, window, stride;

    /// One plane. winner = the largest pixel's distance from the first pixel of its window, as a T: the same SIMD
    /// select serves both, and a branch on which pixel is the largest could not be predicted. `pixels` holds one for
    /// each output; a whole plane at a time, because a vector load right after the scalar stores it covers would stall.
    void largest(const T* in, T* out, T* winner, T* pixels) const {
      using ops = lane<simd<T>>;
      const index size = out_height * out_width;
      every_window(in, out);
      std::fill_n(winner, size, T(0));
      for (index place = 1; place < window * window; ++place) {
        const index offset = place / window * width + place % window;
        every_window(in + offset, pixels);
        const simd<T> here(static_cast<T>(offset));
        distill::detail::sweep<T>(
            size,
            [&](simd<T>& best, simd<T>& at, const simd<T>& v) DISTILL_LAMBDA_INLINE {
              // isnan, not v != v: xsimd 8.1 has that false for NaN under AVX-512.
              const auto larger = (v > best) || (isnan(v) && (best == best));
              best = ops::select(larger, v, best);
              at = ops::select(larger, here, at);
            },
            out, winner, static_cast<const T*>(pixels));
      }
    }
    /// The pixel at `in` for the first window, and the same one of every other window.
    void every_window(const T* in, T* to) const {
      for (index i = 0; i < out_height; ++i, in += stride * width)
        for (index j = 0; j < out_width; ++j) *to++ = in[j * stride];
    }
  };

  static void backward(tape<T>& t, variable self, const T* winners, index stride) {
    const gradient_slot<T> slot = t.claim_gradient(t.input(self, 0));
    const tensor_view<const T> dy = t.gradient(self);
    const index width = slot.view.shape[3], in_plane = slot.view.shape[2] * width;
    const index channels = dy.shape[1], rows = dy.shape[2], columns = dy.shape[3];
    parallel_for(dy.shape[0], t.threads(slot.view.size()), [&](index n, int) {
      T* dx = slot.view.data + n * channels * in_plane;
      if (!slot.accumulate) std::fill_n(dx, channels * in_plane, T(0));
      index out = n * channels * rows * columns;
      for (index plane = 0; plane < channels; ++plane)
        for (index i = 0; i < rows; ++i)
          for (index j = 0; j < columns; ++j, ++out)
            dx[plane * in_plane + i * stride * width + j * stride + static_cast<index>(winners[out])] += dy.data[out];
    });
  }

  index window_;
  index stride_;
};

}  // namespace nn
DISTILL_NAMESPACE_END
