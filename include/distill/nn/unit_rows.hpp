// Vectors at length 1.
#pragma once

#include "../config.hpp"
#include "../core/parallel.hpp"
#include "../core/sums.hpp"
#include "../core/sweep.hpp"
#include "tape.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// y = x/‖x‖ over the last extent, any shape; dx = (dy − ⟨y, dy⟩ y)/‖x‖. A row of zeros stays one and gets no gradient.
/// @throws argument_error  an input without extents, or whose last is 0
template <class T>
variable unit_rows(tape<T>& t, variable input) {
  const tensor_view<const T> x = t.value(input);
  const index last = x.shape.rank() == 0 ? 0 : x.shape[x.shape.rank() - 1];
  if (last < 1) fail("unit_rows: input is ", x.shape.text(), ", …×at least 1 expected");
  const index rows = x.size() / last;
  const tensor_view<T> y = t.allocate(x.shape), norms = t.allocate({rows});
  distill::detail::for_row_pieces(rows, x.size(), t.resources(), [&](index first, index end) {
    for (index r = first; r < end; ++r) {
      const wide<T> norm = distill::detail::norm(x.data + r * last, last);
      norms.data[r] = static_cast<T>(norm);
      distill::detail::resize_to<T>(x.data + r * last, last, 1, norm, y.data + r * last);
    }
  });
  return t.record(y, {input}, [last, norms](tape<T>& on, variable self) {
    const tensor_view<T> dx = on.zeroed_gradient(on.input(self, 0));
    const T *const unit = on.value(self).data, *const dy = on.gradient(self).data;
    distill::detail::for_row_pieces(norms.size(), dx.size(), on.resources(), [&](index first, index end) {
      for (index r = first; r < end; ++r) {
        if (norms.data[r] == T(0)) continue;
        const T *const v = unit + r * last, *const g = dy + r * last;
        const simd<T> along(static_cast<T>(distill::detail::dot(v, g, last))), factor(T(1) / norms.data[r]);
        distill::detail::sweep<T>(
            last,
            [&](simd<T>& to, const simd<T>& a, const simd<T>& b)
                DISTILL_LAMBDA_INLINE { to += (b - along * a) * factor; },
            dx.data + r * last, v, g);
      }
    });
  });
}

}  // namespace nn
DISTILL_NAMESPACE_END
