// Maximum over windows.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "../config.hpp"
#include "detail/sweep.hpp"
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
    if (x.shape.rank() != 4 || x.shape[2] < window_ || x.shape[3] < window_)
      this->fail_shape(x.shape, "batch×channels×height×width of at least " + std::to_string(window_) + " pixels");
    const plane_pair p{x.shape[2],
                       x.shape[3],
                       (x.shape[2] - window_) / stride_ + 1,
                       (x.shape[3] - window_) / stride_ + 1,
                       window_,
                       stride_};
    const tensor_view<T> y = t.allocate({x.shape[0], x.shape[1], p.out_height, p.out_width});
    std::int32_t* winners = t.memory().template take<std::int32_t>(y.size());
    const index channels = x.shape[1], in_plane = p.height * p.width, out_plane = p.out_height * p.out_width;
    const arena::position start = t.memory().mark();
    T* scratch = t.memory().template take<T>(2 * p.width * t.threads());
    parallel_for(x.shape[0], t.threads(), [&](index n, int thread) {
      T* best = scratch + 2 * p.width * thread;
      for (index plane = n * channels; plane < (n + 1) * channels; ++plane)
        p.largest(x.data + plane * in_plane, y.data + plane * out_plane, winners + plane * out_plane, best,
                  best + p.width);
    });
    t.memory().rewind(start);
    return t.record(y, {input}, [winners](tape<T>& on, variable self) { backward(on, self, winners); });
  }

 private:
  struct plane_pair {
    index height, width, out_height, out_width, window, stride;

    /// One plane; `best` and `best_row` hold `width` elements. Both steps are free of branches: which pixel is the
    /// largest cannot be predicted.
    void largest(const T* in, T* out, std::int32_t* winner, T* best, T* best_row) const {
      for (index i = 0; i < out_height; ++i) {
        const T* rows = in + i * stride * width;
        largest_of_columns(rows, best, best_row);
        for (index j = 0; j < out_width; ++j) {
          const T *v = best + j * stride, *row = best_row + j * stride;
          index at = 0;
          for (index l = 1; l < window; ++l) {
            const bool ahead = (v[l] > v[at]) | ((v[l] == v[at]) & (row[l] < row[at])) | ((v[l] != v[l]) & (v[at] == v[at]));
            at += static_cast<index>(ahead) * (l - at);
          }
          *out++ = v[at];
          *winner++ = static_cast<std::int32_t>((i * stride + static_cast<index>(row[at])) * width + j * stride + at);
        }
      }
    }
    /// best[x] = the first largest of rows[x], rows[x + width], …; best_row[x] = which.
    void largest_of_columns(const T* rows, T* best, T* best_row) const {
      using ops = lane<simd<T>>;
      std::copy_n(rows, width, best);
      std::fill_n(best_row, width, T(0));
      for (index k = 1; k < window; ++k) {
        const simd<T> this_row(static_cast<T>(k));
        detail::sweep<T>(
            width,
            [&](simd<T>& b, simd<T>& r, const simd<T>& v) DISTILL_LAMBDA_INLINE {
              const auto larger = (v > b) || ((v != v) && (b == b));
              b = ops::select(larger, v, b);
              r = ops::select(larger, this_row, r);
            },
            best, best_row, rows + k * width);
      }
    }
  };

  static void backward(tape<T>& t, variable self, const std::int32_t* winners) {
    const gradient_slot<T> slot = t.claim_gradient(t.input(self, 0));
    const tensor_view<const T> dy = t.gradient(self);
    const index in_plane = slot.view.shape[2] * slot.view.shape[3], out_plane = dy.shape[2] * dy.shape[3];
    const index channels = dy.shape[1];
    parallel_for(dy.shape[0], t.threads(), [&](index n, int) {
      T* dx = slot.view.data + n * channels * in_plane;
      if (!slot.accumulate) std::fill_n(dx, channels * in_plane, T(0));
      for (index plane = n * channels; plane < (n + 1) * channels; ++plane, dx += in_plane)
        for (index i = plane * out_plane; i < (plane + 1) * out_plane; ++i) dx[winners[i]] += dy.data[i];
    });
  }

  index window_;
  index stride_;
};

}  // namespace nn
DISTILL_NAMESPACE_END
