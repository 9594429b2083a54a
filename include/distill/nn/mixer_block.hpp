// Perceptrons along tokens and along channels.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "../config.hpp"
#include "../core/random.hpp"
#include "add.hpp"
#include "container.hpp"
#include "gelu.hpp"
#include "layer_norm.hpp"
#include "linear.hpp"
#include "per_token.hpp"
#include "sequential.hpp"
#include "swap_axes.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// x of shape batch × tokens × width: h = x + (mix_tokens(norm1(x)ᵀ))ᵀ, y = h + mix_channels(norm2(h)), each of the two
/// a linear layer, gelu and a linear layer; source: I. Tolstikhin et al., "MLP-Mixer", NeurIPS 2021, §2.
template <class T>
class mixer_block : public container<T> {
 public:
  /// @throws argument_error  what the layers throw
  mixer_block(index tokens, index width, index token_hidden, index channel_hidden, std::uint64_t seed)
      : container<T>("mixer_block(" + std::to_string(tokens) + ", " + std::to_string(width) + ")") {
    const random_stream seeds(seed);
    const auto perceptron = [](index outer, index inner, std::uint64_t first, std::uint64_t second) {
      sequential<T> result;
      result.add("linear1", linear<T>(outer, inner, first, initialisation::xavier_uniform));
      result.add("gelu", gelu<T>());
      result.add("linear2", linear<T>(inner, outer, second, initialisation::xavier_uniform));
      return result;
    };
    this->adopt("norm1", layer_norm<T>(width));
    this->adopt("mix_tokens", perceptron(tokens, token_hidden, seeds.bits(0), seeds.bits(1)));
    this->adopt("norm2", layer_norm<T>(width));
    this->adopt("mix_channels", perceptron(width, channel_hidden, seeds.bits(2), seeds.bits(3)));
  }

  variable forward(tape<T>& t, variable input) const override {
    const variable turned = swap_axes(t, this->child(0).forward(t, input));
    const variable h = add(t, input, swap_axes(t, per_token(t, this->child(1), turned)));
    return add(t, h, per_token(t, this->child(3), this->child(2).forward(t, h)));
  }
};

}  // namespace nn
DISTILL_NAMESPACE_END
