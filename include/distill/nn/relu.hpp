// Rectified linear unit.
#pragma once

#include <algorithm>

#include "../config.hpp"
#include "../core/sweep.hpp"
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
    pieces(t, x.size(), [&](index from, index size) { detail::rectify(size, x.data + from, y.data + from); });
    return t.record(y, {input}, [](tape<T>& on, variable self) { backward(on, self); });
  }

 private:
  template <class Piece>
  static void pieces(tape<T>& t, index size, const Piece& piece) {
    const index count = (size + distill::detail::sweep_piece - 1) / distill::detail::sweep_piece;
    parallel_for(count, t.threads(size), [&](index i, int) {
      piece(i * distill::detail::sweep_piece,
            std::min(distill::detail::sweep_piece, size - i * distill::detail::sweep_piece));
    });
  }

  static void backward(tape<T>& t, variable self) {
    const gradient_slot<T> slot = t.claim_gradient(t.input(self, 0));
    const T *y = t.value(self).data, *dy = t.gradient(self).data;
    T* dx = slot.view.data;
    pieces(t, slot.view.size(),
           [&](index from, index size) { detail::rectify(size, y + from, dy + from, dx + from, slot.accumulate); });
  }
};

}  // namespace nn
DISTILL_NAMESPACE_END
