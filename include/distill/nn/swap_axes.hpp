// Tokens and channels change places.
#pragma once

#include "../config.hpp"
#include "detail/transposed_blocks.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// batch × a × b becomes batch × b × a. @throws argument_error  another rank
template <class T>
variable swap_axes(tape<T>& t, variable input) {
  const tensor_shape s = t.shape(input);
  if (s.rank() != 3) fail("swap_axes: input is ", s.text(), ", batch×a×b expected");
  return detail::transposed_blocks(t, input, s[1], s[2], {s[0], s[2], s[1]});
}

}  // namespace nn
DISTILL_NAMESPACE_END
