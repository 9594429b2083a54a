// Mean over whole planes.
#pragma once

#include "../config.hpp"
#include "../core/sums.hpp"
#include "detail/pieces.hpp"
#include "layer.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// y[n, c] = mean of x[n, c]: from batch × channels × height × width to batch × channels, what linear takes.
template <class T>
class global_average_pool : public layer<T> {
 public:
  global_average_pool() : layer<T>("global_average_pool") {}

  /// @throws argument_error  an input of other than four extents, or without pixels
  variable forward(tape<T>& t, variable input) const override {
    const tensor_view<const T> x = t.value(input);
    const index pixels = x.shape[2] * x.shape[3];
    if (x.shape.rank() != 4 || pixels < 1) this->fail_shape(x.shape, "batch×channels×height×width");
    const tensor_view<T> y = t.allocate({x.shape[0], x.shape[1]});
    parallel_for(y.size(), t.threads(x.size()), [&](index plane, int) {
      const wide<T> sum = distill::detail::sum(x.data + plane * pixels, pixels);
      y.data[plane] = static_cast<T>(sum / static_cast<double>(pixels));
    });
    return t.record(y, {input}, [pixels](tape<T>& on, variable self) { backward(on, self, pixels); });
  }

 private:
  static void backward(tape<T>& t, variable self, index pixels) {
    const gradient_slot<T> slot = t.claim_gradient(t.input(self, 0));
    const tensor_view<const T> dy = t.gradient(self);
    const T share = T(1) / static_cast<T>(pixels);
    parallel_for(dy.size(), t.threads(slot.view.size()), [&](index plane, int) {
      T* const dx = slot.view.data + plane * pixels;
      const T g = dy.data[plane] * share;
      detail::write_or_add(
          pixels, slot.accumulate, [v = simd<T>(g)]() DISTILL_LAMBDA_INLINE { return v; }, dx);
    });
  }
};

}  // namespace nn
DISTILL_NAMESPACE_END
