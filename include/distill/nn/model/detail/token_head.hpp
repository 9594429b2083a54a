// From tokens to logits.
#pragma once

#include <cstdint>

#include "../../../config.hpp"
#include "../../layer_norm.hpp"
#include "../../linear.hpp"
#include "../../mean_over_tokens.hpp"
#include "../../sequential.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn::detail {

/// A layer norm, the mean over the tokens, a linear layer.
template <class T>
sequential<T> token_head(index features, index outputs, std::uint64_t seed) {
  sequential<T> head;
  head.add("norm", layer_norm<T>(features));
  head.add("mean", mean_over_tokens<T>());
  head.add("linear", linear<T>(features, outputs, seed, initialisation::xavier_uniform));
  return head;
}

}  // namespace nn::detail
DISTILL_NAMESPACE_END
