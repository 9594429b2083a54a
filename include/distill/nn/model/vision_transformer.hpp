// Attention between patches of an image.
#pragma once

#include <cstdint>
#include <string>

#include "../../config.hpp"
#include "../network.hpp"
#include "../patch_embedding.hpp"
#include "../transformer_block.hpp"
#include "detail/seeds.hpp"
#include "detail/token_head.hpp"

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
  if (options.blocks < 1) fail("vision_transformer: blocks is ", options.blocks, ", at least 1 expected");
  detail::seeds seeds(options.seed);
  network<T> result("vision_transformer");
  result.add_stage("patches", patch_embedding<T>(options.channels, options.height, options.width, options.patch,
                                                 options.features, seeds.next()));
  for (index i = 0; i < options.blocks; ++i)
    result.add_stage("block" + std::to_string(i + 1),
                     transformer_block<T>(options.features, options.heads, options.hidden, seeds.next(),
                                          {.dropout = options.dropout, .attention_dropout = options.dropout}));
  result.set_head(detail::token_head<T>(options.features, options.outputs, seeds.next()));
  if (options.second_outputs > 0)
    result.set_second_head(detail::token_head<T>(options.features, options.second_outputs, seeds.next()),
                           options.second_tap);
  return result;
}

}  // namespace nn
DISTILL_NAMESPACE_END
