// Matrices of a batch, each transposed.
#pragma once

#include "../../config.hpp"
#include "../../core/parallel.hpp"
#include "../tape.hpp"
#include "pieces.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn::detail {

/// Reads `input` as batch matrices of rows × columns and transposes each; the result has the extents `shape`.
template <class T>
variable transposed_blocks(tape<T>& t, variable input, index rows, index columns, const tensor_shape& shape) {
  const tensor_view<const T> x = t.value(input);
  const tensor_view<T> y = t.allocate(shape);
  const index block = rows * columns, batch = shape[0];
  parallel_for(batch, t.threads(x.size()),
               [&](index n, int) { transpose_or_add(x.data + n * block, rows, columns, y.data + n * block, false); });
  return t.record(y, {input}, [=](tape<T>& on, variable self) {
    const gradient_slot<T> slot = on.claim_gradient(on.input(self, 0));
    const T* dy = on.gradient(self).data;
    parallel_for(batch, on.threads(slot.view.size()), [&](index n, int) {
      transpose_or_add(dy + n * block, columns, rows, slot.view.data + n * block, slot.accumulate);
    });
  });
}

}  // namespace nn::detail
DISTILL_NAMESPACE_END
