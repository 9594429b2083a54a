// Two convolutions and a linear layer.
#pragma once

#include <array>
#include <cstdint>

#include "../../config.hpp"
#include "../network.hpp"
#include "convnet.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

struct lenet_options {
  index channels = 1, height = 28, width = 28;
  std::array<index, 2> widths = {16, 32};
  index outputs = 10;
  index second_outputs = 0;
  std::uint64_t seed = 0;
};

/// A convnet of two stages, each a 3 × 3 convolution with a bias, a relu and a 2 × 2 max pool; after Y. LeCun, L.
/// Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition", 1998, with fewer layers.
/// @throws argument_error  what convnet() throws
template <class T>
network<T> lenet(const lenet_options& options = {}) {
  network<T> result = convnet<T>({.channels = options.channels,
                                  .height = options.height,
                                  .width = options.width,
                                  .stages = {{options.widths[0]}, {options.widths[1]}},
                                  .batch_norm = false,
                                  .outputs = options.outputs,
                                  .second_outputs = options.second_outputs,
                                  .seed = options.seed});
  result.name = "lenet";
  return result;
}

}  // namespace nn
DISTILL_NAMESPACE_END
