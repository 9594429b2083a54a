// The sum of two variables.
#pragma once

#include "../config.hpp"
#include "../core/sweep.hpp"
#include "detail/pieces.hpp"
#include "tape.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// y = a + b, of one shape; da = db = dy. @throws argument_error  two shapes
template <class T>
variable add(tape<T>& t, variable a, variable b) {
  const tensor_view<const T> left = t.value(a), right = t.value(b);
  if (left.shape != right.shape) fail("add: a is ", left.shape.text(), ", b is ", right.shape.text());
  const tensor_view<T> y = t.allocate(left.shape);
  detail::for_pieces(t, y.size(), 1, [&](index from, index size) {
    distill::detail::sweep<T>(
        size, [](simd<T>& to, const simd<T>& u, const simd<T>& v) DISTILL_LAMBDA_INLINE { to = u + v; }, y.data + from,
        left.data + from, right.data + from);
  });
  return t.record(y, {a, b}, [](tape<T>& on, variable self) {
    detail::pass_gradient(on, self, 0);
    detail::pass_gradient(on, self, 1);
  });
}

}  // namespace nn
DISTILL_NAMESPACE_END
