// A part of a variable.
#pragma once

#include <algorithm>

#include "../config.hpp"
#include "detail/pieces.hpp"
#include "tape.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// Positions first … first + count − 1 of extent `axis`; the rest gets no gradient from here.
/// @throws argument_error  no such axis, no such positions
template <class T>
variable slice(tape<T>& t, variable input, int axis, index first, index count) {
  const tensor_view<const T> x = t.value(input);
  if (axis < 0 || axis >= x.shape.rank()) fail("slice: axis is ", axis, ", input is ", x.shape.text());
  if (first < 0 || count < 0 || first + count > x.shape[axis])
    fail("slice: positions ", first, " to ", first + count, " of extent ", axis, " asked for, input is ",
         x.shape.text());
  const tensor_view<T> y = t.allocate(detail::with_extent(x.shape, axis, count));
  const detail::axis_view whole(x.shape, axis);
  const index rows = whole.outer, line = whole.extent * whole.inner, at = first * whole.inner,
              part = count * whole.inner;
  for (index row = 0; row < rows; ++row) std::copy_n(x.data + row * line + at, part, y.data + row * part);
  return t.record(y, {input}, [=](tape<T>& on, variable self) {
    const tensor_view<T> dx = on.zeroed_gradient(on.input(self, 0));
    const T* dy = on.gradient(self).data;
    for (index row = 0; row < rows; ++row) distill::detail::add_to(dx.data + row * line + at, dy + row * part, part);
  });
}

}  // namespace nn
DISTILL_NAMESPACE_END
