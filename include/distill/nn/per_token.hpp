// A layer of rows on sequences.
#pragma once

#include "../config.hpp"
#include "layer.hpp"
#include "reshape.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// Applies a layer that maps batch × inputs to batch × outputs, `linear` say, to every token of batch × tokens ×
/// inputs.
/// @throws argument_error  another rank, what the layer throws
template <class T>
variable per_token(tape<T>& t, const layer<T>& of_rows, variable input) {
  const tensor_shape s = t.shape(input);
  if (s.rank() != 3) fail("per_token: input is ", s.text(), ", batch×tokens×width expected");
  const variable y = of_rows.forward(t, reshape(t, input, {s[0] * s[1], s[2]}));
  return reshape(t, y, {s[0], s[1], t.shape(y).features()});
}

}  // namespace nn
DISTILL_NAMESPACE_END
