// Perceptrons between patches of an image.
#pragma once

#include <cstdint>

#include "../../config.hpp"
#include "../mixer_block.hpp"
#include "../network.hpp"
#include "detail/token_network.hpp"

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
  return detail::token_network<T>("mixer", options, [&](std::uint64_t seed) {
    const index tokens = (options.height / options.patch) * (options.width / options.patch);
    return mixer_block<T>(tokens, options.features, options.token_hidden, options.channel_hidden, seed);
  });
}

}  // namespace nn
DISTILL_NAMESPACE_END
