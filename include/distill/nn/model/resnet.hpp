// Residual network.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "../../config.hpp"
#include "../basic_block.hpp"
#include "../batch_norm.hpp"
#include "../conv2d.hpp"
#include "../global_average_pool.hpp"
#include "../linear.hpp"
#include "../network.hpp"
#include "../sequential.hpp"
#include "detail/seeds.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// The channels of each stage and its number of blocks. second_outputs above 0 adds a second head on stage second_tap
/// (0: the stem), the last one if below 0.
struct resnet_options {
  index channels = 1;
  std::vector<index> widths = {16, 32, 64};
  index blocks = 1;
  index outputs = 10;
  index second_outputs = 0;
  index second_tap = -1;
  std::uint64_t seed = 0;
};

/// A stem (3 × 3 convolution, batch norm, relu), stages of basic blocks, of which all but the first halve the image,
/// and a head of a global average pool and a linear layer: K. He et al., CVPR 2016, §4.2, for any image size. Its taps
/// are the stem and the stages. @throws argument_error  no stages, no blocks, channels below 1
template <class T>
network<T> resnet(const resnet_options& options = {}) {
  if (options.widths.empty() || options.blocks < 1)
    fail("resnet: widths has ", options.widths.size(), " entries, blocks is ", options.blocks,
         ", at least 1 and 1 expected");
  detail::seeds seeds(options.seed);
  network<T> result("resnet");
  sequential<T> stem;
  index channels = options.widths[0];
  stem.add("conv", conv2d<T>(options.channels, channels, 3, seeds.next(), {.padding = 1, .bias = false}));
  stem.add("norm", batch_norm<T>(channels, {.relu = true}));
  result.add_stage("stem", std::move(stem));
  for (const index width : options.widths) {
    sequential<T> stage;
    for (index block = 0; block < options.blocks; ++block) {
      stage.add(basic_block<T>(channels, width, block == 0 && result.stages() > 1 ? 2 : 1, seeds.next()));
      channels = width;
    }
    result.add_stage("stage" + std::to_string(result.stages()), std::move(stage));
  }
  const auto head = [&](index inputs, index outputs) {
    sequential<T> pooled;
    pooled.add("pool", global_average_pool<T>());
    pooled.add("linear", linear<T>(inputs, outputs, seeds.next(), initialisation::xavier_uniform));
    return pooled;
  };
  result.set_head(head(channels, options.outputs));
  if (options.second_outputs > 0) {
    const index last = result.stages() - 1, tap = options.second_tap < 0 ? last : std::min(options.second_tap, last);
    const index inputs = options.widths[static_cast<std::size_t>(std::max<index>(tap - 1, 0))];
    result.set_second_head(head(inputs, options.second_outputs), options.second_tap);
  }
  return result;
}

}  // namespace nn
DISTILL_NAMESPACE_END
