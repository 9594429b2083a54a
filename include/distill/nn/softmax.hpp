// Probabilities of a row.
#pragma once

#include "../config.hpp"
#include "../core/parallel.hpp"
#include "detail/softmax_row.hpp"
#include "layer.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// y_j = e^(x_j) / Σ_k e^(x_k) over the last extent, any shape. dx = y ⊙ (dy − ⟨y, dy⟩).
/// Masked elements (−inf) get exactly 0 and no gradient; a row of nothing else is 0. NaN or +inf make their row NaN.
template <class T>
class softmax : public layer<T> {
 public:
  softmax() : layer<T>("softmax") {}

  /// @throws argument_error  an input without extents, or whose last is 0
  variable forward(tape<T>& t, variable input) const override {
    const tensor_view<const T> x = t.value(input);
    const index last = x.shape.rank() == 0 ? 0 : x.shape[x.shape.rank() - 1];
    if (last < 1) this->fail_shape(x.shape, "…×at least 1");
    const tensor_view<T> y = t.allocate(x.shape);
    distill::detail::for_row_pieces(x.size() / last, x.size(), t.resources(), [&](index first, index end) {
      for (index row = first; row < end; ++row) detail::softmax_row(x.data + row * last, last, y.data + row * last);
    });
    return t.record(y, {input}, [last](tape<T>& on, variable self) {
      const gradient_slot<T> slot = on.claim_gradient(on.input(self, 0));
      const T *p = on.value(self).data, *dy = on.gradient(self).data;
      const index size = slot.view.size();
      distill::detail::for_row_pieces(size / last, size, on.resources(), [&](index first, index end) {
        for (index at = first * last; at < end * last; at += last)
          detail::softmax_row_back(p + at, dy + at, last, T(1), slot.view.data + at, slot.accumulate);
      });
    });
  }
};

}  // namespace nn
DISTILL_NAMESPACE_END
