// Networks on the patches of an image.
#pragma once

#include <cstdint>
#include <string>

#include "../../../config.hpp"
#include "../../layer_norm.hpp"
#include "../../linear.hpp"
#include "../../mean_over_tokens.hpp"
#include "../../network.hpp"
#include "../../patch_embedding.hpp"
#include "../../sequential.hpp"
#include "seeds.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn::detail {

/// Patches, as many blocks as the options say, each from block(seed), and heads of a layer norm, the mean over the
/// tokens and a linear layer. @throws argument_error  no blocks, what the layers throw
template <class T, class Options, class Block>
network<T> token_network(const std::string& name, const Options& options, const Block& block) {
  if (options.blocks < 1) fail(name, ": blocks is ", options.blocks, ", at least 1 expected");
  detail::seeds seeds(options.seed);
  network<T> result(name);
  result.add_stage("patches", patch_embedding<T>(options.channels, options.height, options.width, options.patch,
                                                 options.features, seeds.next()));
  for (index i = 0; i < options.blocks; ++i) result.add_stage("block" + std::to_string(i + 1), block(seeds.next()));
  const auto head = [&](index outputs) {
    sequential<T> pooled;
    pooled.add("norm", layer_norm<T>(options.features));
    pooled.add("mean", mean_over_tokens<T>());
    pooled.add("linear", linear<T>(options.features, outputs, seeds.next(), initialisation::xavier_uniform));
    return pooled;
  };
  result.set_head(head(options.outputs));
  if (options.second_outputs > 0) result.set_second_head(head(options.second_outputs), options.second_tap);
  return result;
}

}  // namespace nn::detail
DISTILL_NAMESPACE_END
