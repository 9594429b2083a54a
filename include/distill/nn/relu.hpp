// Rectified linear unit.
#pragma once

#include "../config.hpp"
#include "detail/pieces.hpp"
#include "detail/rectify.hpp"
#include "layer.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// y = max(x, 0), element-wise, any shape; NaN stays NaN. dx = dy where x > 0 or x is NaN, 0 elsewhere (also at x = 0).
template <class T>
class relu : public layer<T> {
 public:
  relu() : layer<T>("relu") {}

  variable forward(tape<T>& t, variable input) const override {
    const tensor_view<const T> x = t.value(input);
    const tensor_view<T> y = t.allocate(x.shape);
    detail::for_pieces(t, x.size(), 1,
                       [&](index from, index size) { detail::rectify(size, x.data + from, y.data + from); });
    return t.record(y, {input}, [](tape<T>& on, variable self) { backward(on, self); });
  }

 private:
  static void backward(tape<T>& t, variable self) {
    const gradient_slot<T> slot = t.claim_gradient(t.input(self, 0));
    const T *y = t.value(self).data, *dy = t.gradient(self).data;
    T* dx = slot.view.data;
    detail::for_pieces(t, slot.view.size(), 1, [&](index from, index size) {
      detail::rectify(size, y + from, dy + from, dx + from, slot.accumulate);
    });
  }
};

}  // namespace nn
DISTILL_NAMESPACE_END
