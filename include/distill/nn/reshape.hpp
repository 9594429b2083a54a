// The same elements under other extents.
#pragma once

#include "../config.hpp"
#include "detail/pieces.hpp"
#include "tape.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// y has the elements of `input`, in order, and the extents `shape`; nothing is copied but the gradient.
/// @throws argument_error  as many elements are not in `shape`
template <class T>
variable reshape(tape<T>& t, variable input, const tensor_shape& shape) {
  const tensor_view<const T> x = t.value(input);
  if (shape.size() != x.size()) fail("reshape: input is ", x.shape.text(), ", shape is ", shape.text());
  return t.record(tensor_view<const T>(x.data, shape), {input},
                  [](tape<T>& on, variable self) { detail::pass_gradient(on, self); });
}

}  // namespace nn
DISTILL_NAMESPACE_END
