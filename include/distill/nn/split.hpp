// A variable in equal parts.
#pragma once

#include <array>
#include <cstddef>

#include "../config.hpp"
#include "slice.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// `Parts` equal parts of extent `axis`: auto [q, k, v] = split<3>(tape, x, 2). @throws argument_error  no such axis,
/// an extent that is no multiple of Parts
template <std::size_t Parts, class T>
std::array<variable, Parts> split(tape<T>& t, variable input, int axis) {
  const tensor_shape shape = t.shape(input);
  constexpr index parts = static_cast<index>(Parts);
  if (axis < 0 || axis >= shape.rank() || shape[axis] % parts != 0)
    fail("split: input is ", shape.text(), ", extent ", axis, " a multiple of ", parts, " expected");
  std::array<variable, Parts> result;
  for (std::size_t i = 0; i < Parts; ++i)
    result[i] = slice(t, input, axis, static_cast<index>(i) * (shape[axis] / parts), shape[axis] / parts);
  return result;
}

}  // namespace nn
DISTILL_NAMESPACE_END
