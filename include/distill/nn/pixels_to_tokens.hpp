// Images as sequences.
#pragma once

#include "../config.hpp"
#include "detail/transposed_blocks.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// batch × channels × height × width becomes batch × (height · width) × channels: what attention works on.
/// @throws argument_error  another rank
template <class T>
variable pixels_to_tokens(tape<T>& t, variable input) {
  const tensor_shape s = t.shape(input);
  if (s.rank() != 4) fail("pixels_to_tokens: input is ", s.text(), ", batch×channels×height×width expected");
  return detail::transposed_blocks(t, input, s[1], s[2] * s[3], {s[0], s[2] * s[3], s[1]});
}

}  // namespace nn
DISTILL_NAMESPACE_END
