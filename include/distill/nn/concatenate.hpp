// Variables side by side.
#pragma once

#include <initializer_list>
#include <span>

#include "../config.hpp"
#include "detail/pieces.hpp"
#include "tape.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// The inputs one after the other along extent `axis` (1: channels or features), in which alone they may differ; each
/// gets its part of the gradient. @throws argument_error  no inputs, no such axis, other extents that differ
template <class T>
variable concatenate(tape<T>& t, std::span<const variable> inputs, int axis = 1) {
  if (inputs.empty()) fail("concatenate: ", 0, " inputs given, at least 1 expected");
  const tensor_shape first = t.shape(inputs[0]);
  if (axis < 0 || axis >= first.rank()) fail("concatenate: axis is ", axis, ", input 0 is ", first.text());
  index extent = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const tensor_shape shape = t.shape(inputs[i]);
    if (shape.rank() != first.rank() || detail::with_extent(shape, axis, first[axis]) != first)
      fail("concatenate: input ", i, " is ", shape.text(), ", input 0 is ", first.text(), ", axis ", axis);
    extent += shape[axis];
  }
  const tensor_view<T> y = t.allocate(detail::with_extent(first, axis, extent));
  const detail::axis_view whole(y.shape, axis);
  const index line = extent * whole.inner;
  index at = 0;
  for (const variable v : inputs) {
    const tensor_view<const T> x = t.value(v);
    const index part = x.shape[axis] * whole.inner;
    for (index row = 0; row < whole.outer; ++row) std::copy_n(x.data + row * part, part, y.data + row * line + at);
    at += part;
  }
  const std::size_t count = inputs.size();
  const index rows = whole.outer, inner = whole.inner;
  return t.record(y, inputs, [=](tape<T>& on, variable self) {
    const T* dy = on.gradient(self).data;
    for (std::size_t i = 0; i < count; ++i) {
      const variable v = on.input(self, i);
      const index part = on.shape(v)[axis] * inner;
      if (const gradient_slot<T> slot = on.claim_gradient(v))
        for (index row = 0; row < rows; ++row)
          detail::copy_or_add(dy + row * line, part, slot.view.data + row * part, slot.accumulate);
      dy += part;
    }
  });
}
template <class T>
variable concatenate(tape<T>& t, std::initializer_list<variable> inputs, int axis = 1) {
  return concatenate(t, std::span(inputs.begin(), inputs.size()), axis);
}

}  // namespace nn
DISTILL_NAMESPACE_END
