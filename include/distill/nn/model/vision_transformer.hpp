// Attention between patches of an image.
#pragma once

#include <cstdint>

#include "../../config.hpp"
#include "../network.hpp"
#include "../transformer_block.hpp"
#include "detail/token_network.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// The images, how they are cut, and the blocks. second_outputs above 0 adds a second head behind the block second_tap
/// (0: the patches themselves), the last one if below 0.
struct vision_transformer_options {
  index channels = 1, height = 28, width = 28;
  index patch = 7;
  index features = 64, heads = 4, hidden = 128, blocks = 3;
  double dropout = 0;
  index outputs = 10;
  index second_outputs = 0;
  index second_tap = -1;
  std::uint64_t seed = 0;
};

/// Patches, blocks of attention, and a head of a layer norm, the mean over the tokens and a linear layer; source: A.
/// Dosovitskiy et al., ICLR 2021, without a class token. Its taps, of batch × tokens × features, are the patches and
/// the blocks. @throws argument_error  features no multiple of heads, no blocks, what the layers throw
template <class T>
network<T> vision_transformer(const vision_transformer_options& options = {}) {
  return detail::token_network<T>("vision_transformer", options, [&](std::uint64_t seed) {
    return transformer_block<T>(options.features, options.heads, options.hidden, seed,
                                {.dropout = options.dropout, .attention_dropout = options.dropout});
  });
}

}  // namespace nn
DISTILL_NAMESPACE_END
