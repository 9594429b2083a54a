// From a feature in the middle of a network to logits.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include "../../config.hpp"
#include "../batch_norm.hpp"
#include "../conv2d.hpp"
#include "../global_average_pool.hpp"
#include "../linear.hpp"
#include "../mean_over_tokens.hpp"
#include "../patch_merging.hpp"
#include "../sequential.hpp"
#include "../transformer_block.hpp"
#include "detail/seeds.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// behind: how many stages of the network come after the tap. width: of what the last linear layer sees; 0: the tap's.
/// heads: of the attention between tokens. grid: tokens are merged while they are at least twice as many a side.
struct exit_branch_options {
  index outputs = 10;
  index behind = 0;
  index width = 0;
  index heads = 4;
  index grid = 7;
  std::uint64_t seed = 0;
};

namespace detail {

/// Halves the image: twice a 3 × 3 convolution of each channel alone and one between channels, a batch norm, a relu.
template <class T>
void add_separable(sequential<T>& to, index inputs, index outputs, seeds& seed) {
  sequential<T> block;
  for (const index next : {inputs, outputs}) {
    const std::string number = block.size() == 0 ? "1" : "2";
    block.add("depth" + number,
              conv2d<T>(inputs, inputs, 3, seed.next(),
                        {.stride = block.size() == 0 ? 2 : 1, .padding = 1, .groups = inputs, .bias = false}));
    block.add("point" + number, conv2d<T>(inputs, next, 1, seed.next(), {.bias = false}));
    block.add("norm" + number, batch_norm<T>(next, {.relu = true}));
  }
  to.add("half" + std::to_string(to.size() + 1), std::move(block));
}

}  // namespace detail

/// Logits from a tap of any kind, `tap` being its shape with the batch:
///   rows      a linear layer
///   maps      `behind` separable convolutions of stride 2, each twice as wide, the last one `width`, or a 1 × 1
///             convolution where no stage is behind; the mean over the pixels, a linear layer
///   tokens    merged 2 × 2 down to `grid` a side, max(behind, 1) transformer blocks, their mean, a linear layer
/// The projectors of OFA-KD (Hao et al. 2023, arXiv 2310.19444, and Hao840/OFAKD), there for four stages.
/// @throws argument_error  another rank, outputs or grid below 1, behind or width negative, tokens to be merged that
///   are not a square number, a width that is no multiple of heads, what the layers throw
template <class T>
sequential<T> exit_branch(const tensor_shape& tap, const exit_branch_options& o = {}) {
  if (tap.rank() < 2) fail("exit_branch: tap is ", tap.text(), ", batch×features, ×tokens or ×maps expected");
  if (o.outputs < 1 || o.behind < 0 || o.width < 0 || o.grid < 1)
    fail("exit_branch: outputs ", o.outputs, ", behind ", o.behind, ", width ", o.width, ", grid ", o.grid,
         "; at least 1, 0, 0, 1 expected");
  detail::seeds seeds(o.seed);
  sequential<T> result;
  result.name = "exit_branch";
  index features = tap.rank() == 3 ? tap[2] : tap[1];
  const index width = o.width > 0 ? o.width : features;
  if (tap.rank() == 4) {
    for (index left = o.behind; left > 0; --left) {
      const index next = left == 1 ? width : 2 * features;
      detail::add_separable(result, features, next, seeds);
      features = next;
    }
    if (o.behind == 0) result.add("point", conv2d<T>(features, width, 1, seeds.next()));
    features = width;
    result.add("pool", global_average_pool<T>());
  } else if (tap.rank() == 3) {
    index side = static_cast<index>(std::lround(std::sqrt(static_cast<double>(tap[1]))));
    for (; tap[1] >= 4 * o.grid * o.grid && side >= 2 * o.grid; side /= 2) {
      if (result.size() == 0 && side * side != tap[1])
        fail("exit_branch: tap is ", tap.text(), ", a square number of tokens expected");
      result.add("merge" + std::to_string(result.size() + 1),
                 patch_merging<T>(side, side, features, width, seeds.next()));
      features = width;
    }
    for (index block = 0; block < (o.behind > 1 ? o.behind : 1); ++block)
      result.add("block" + std::to_string(block + 1),
                 transformer_block<T>(features, o.heads, 4 * features, seeds.next()));
    result.add("mean", mean_over_tokens<T>());
  }
  result.add("linear", linear<T>(features, o.outputs, seeds.next(), initialisation::xavier_uniform));
  return result;
}

}  // namespace nn
DISTILL_NAMESPACE_END
