// Perceptrons between patches of an image.
#pragma once

#include <cstdint>
#include <string>

#include "../../config.hpp"
#include "../mixer_block.hpp"
#include "../network.hpp"
#include "../patch_embedding.hpp"
#include "detail/seeds.hpp"
#include "detail/token_head.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// The images, how they are cut, and the blocks. second_outputs above 0 adds a second head behind the block second_tap
/// (0: the patches themselves), the last one if below 0.
struct mixer_options {
  index channels = 1, height = 28, width = 28;
  index patch = 7;
  index features = 64, token_hidden = 32, channel_hidden = 128, blocks = 3;
  index outputs = 10;
  index second_outputs = 0;
  index second_tap = -1;
  std::uint64_t seed = 0;
};

/// Patches, mixer blocks, and a head of a layer norm, the mean over the tokens and a linear layer; source: I.
/// Tolstikhin et al., NeurIPS 2021, here with a learned vector for each place. Its taps, of batch × tokens × features,
/// are the patches and the blocks. @throws argument_error  no blocks, what the layers throw
template <class T>
network<T> mixer(const mixer_options& options = {}) {
  if (options.blocks < 1) fail("mixer: blocks is ", options.blocks, ", at least 1 expected");
  detail::seeds seeds(options.seed);
  network<T> result("mixer");
  result.add_stage("patches", patch_embedding<T>(options.channels, options.height, options.width, options.patch,
                                                 options.features, seeds.next()));
  const index tokens = (options.height / options.patch) * (options.width / options.patch);
  for (index i = 0; i < options.blocks; ++i)
    result.add_stage("block" + std::to_string(i + 1), mixer_block<T>(tokens, options.features, options.token_hidden,
                                                                     options.channel_hidden, seeds.next()));
  result.set_head(detail::token_head<T>(options.features, options.outputs, seeds.next()));
  if (options.second_outputs > 0)
    result.set_second_head(detail::token_head<T>(options.features, options.second_outputs, seeds.next()),
                           options.second_tap);
  return result;
}

}  // namespace nn
DISTILL_NAMESPACE_END
