// Rectified linear unit.
#pragma once

#include <algorithm>

#include "../config.hpp"
#include "../core/sweep.hpp"
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
    pieces(t, x.size(), [&](index from, index size) {
      distill::detail::sweep<T>(
          size, [](simd<T>& to, const simd<T>& v) DISTILL_LAMBDA_INLINE { to = positive(v, v); }, y.data + from,
          x.data + from);
    });
    return t.record(y, {input}, [](tape<T>& on, variable self) { backward(on, self); });
  }

 private:
  /// `value` where the condition does not hold: NaN is not ≤ 0, so it passes.
  DISTILL_INLINE static simd<T> positive(const simd<T>& condition, const simd<T>& value) {
    return lane<simd<T>>::select(condition <= simd<T>(T(0)), simd<T>(T(0)), value);
  }

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
    pieces(t, slot.view.size(), [&](index from, index size) {
      if (slot.accumulate)
        distill::detail::sweep<T>(
            size,
            [](simd<T>& to, const simd<T>& out, const simd<T>& g) DISTILL_LAMBDA_INLINE { to += positive(out, g); },
            dx + from, y + from, dy + from);
      else
        distill::detail::sweep<T>(
            size,
            [](simd<T>& to, const simd<T>& out, const simd<T>& g) DISTILL_LAMBDA_INLINE { to = positive(out, g); },
            dx + from, y + from, dy + from);
    });
  }
};

}  // namespace nn
DISTILL_NAMESPACE_END
