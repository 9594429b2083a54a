// What attention may look at.
#pragma once

#include "../config.hpp"
#include "tensor_view.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// Numbers that are added to the scores before the softmax: 0 to look at, −∞ to hide, anything between to prefer. Both
/// are optional and both apply. They are read in forward alone.
template <class T>
struct attention_mask {
  tensor_view<const T> pairs{};  ///< tokens × tokens, from the token that looks to the one looked at
  tensor_view<const T> keys{};   ///< batch × tokens, for the token looked at: hides padding
};

}  // namespace nn
DISTILL_NAMESPACE_END
