// Sequences as images.
#pragma once

#include "../config.hpp"
#include "detail/transposed_blocks.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// batch × (height · width) × channels becomes batch × channels × height × width: for objectives on maps.
/// @throws argument_error  another rank, tokens that do not fill the image
template <class T>
variable tokens_to_pixels(tape<T>& t, variable input, index height, index width) {
  const tensor_shape s = t.shape(input);
  if (s.rank() != 3 || s[1] != height * width)
    fail("tokens_to_pixels: input is ", s.text(), ", batch×", height * width, "×channels expected");
  return detail::transposed_blocks(t, input, s[1], s[2], {s[0], s[2], height, width});
}

}  // namespace nn
DISTILL_NAMESPACE_END
