// Plain convolutional network.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "../../config.hpp"
#include "../batch_norm.hpp"
#include "../conv2d.hpp"
#include "../linear.hpp"
#include "../max_pool.hpp"
#include "../network.hpp"
#include "../sequential.hpp"
#include "detail/seeds.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// The channels of the convolutions of each stage, and whether each is followed by a batch norm (and then has no bias).
/// second_outputs above 0 adds a second head on the last stage.
struct convnet_options {
  index channels = 1, height = 28, width = 28;
  std::vector<std::vector<index>> stages = {{32, 32}, {64, 64}};
  bool batch_norm = true;
  index outputs = 10;
  index second_outputs = 0;
  std::uint64_t seed = 0;
};

/// Stages of 3 × 3 convolutions that keep the size, each with a batch norm and a relu, and a 2 × 2 max pool; then a
/// linear head on all pixels. @throws argument_error  no stages, channels below 1, an image that is pooled to nothing
template <class T>
network<T> convnet(const convnet_options& options = {}) {
  if (options.stages.empty()) fail("convnet: stages has ", 0, " entries, at least 1 expected");
  detail::seeds seeds(options.seed);
  network<T> result("convnet");
  index channels = options.channels, height = options.height, width = options.width;
  for (const std::vector<index>& widths : options.stages) {
    sequential<T> stage;
    for (const index& next : widths) {
      const std::string number = std::to_string(&next - widths.data() + 1);
      const bool plain = !options.batch_norm;
      stage.add("conv" + number,
                conv2d<T>(channels, next, 3, seeds.next(), {.padding = 1, .bias = plain, .relu = plain}));
      if (!plain) stage.add("norm" + number, batch_norm<T>(next, {.relu = true}));
      channels = next;
    }
    stage.add("pool", max_pool<T>());
    height /= 2;
    width /= 2;
    result.add_stage("stage" + std::to_string(result.stages() + 1), std::move(stage));
  }
  const index features = channels * height * width;
  result.set_head(linear<T>(features, options.outputs, seeds.next(), initialisation::xavier_uniform));
  if (options.second_outputs > 0)
    result.set_second_head(linear<T>(features, options.second_outputs, seeds.next(), initialisation::xavier_uniform));
  return result;
}

}  // namespace nn
DISTILL_NAMESPACE_END
