// Attention and a perceptron, each beside a shortcut.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "../config.hpp"
#include "../core/random.hpp"
#include "add.hpp"
#include "container.hpp"
#include "dropout.hpp"
#include "gelu.hpp"
#include "layer_norm.hpp"
#include "linear.hpp"
#include "multi_head_self_attention.hpp"
#include "per_token.hpp"
#include "sequential.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// Both apply to what is added to the shortcut; attention_dropout to the maps.
struct transformer_options {
  double dropout = 0;
  double attention_dropout = 0;
};

/// x of shape batch × tokens × width: h = x + attention(norm1(x)), y = h + mlp(norm2(h)), where mlp is linear, gelu,
/// linear for every token; source: A. Vaswani et al., NeurIPS 2017, with the norms before (R. Xiong et al., "On layer
/// normalization in the transformer architecture", ICML 2020).
template <class T>
class transformer_block : public container<T> {
 public:
  using result = typename multi_head_self_attention<T>::result;

  /// @throws argument_error  what the layers throw
  transformer_block(index width, index heads, index hidden, std::uint64_t seed, transformer_options options = {})
      : container<T>("transformer_block(" + std::to_string(width) + ", " + std::to_string(heads) + ", " +
                     std::to_string(hidden) + ")") {
    const random_stream seeds(seed);
    norm1_ = &this->adopt("norm1", layer_norm<T>(width));
    attention_ = &this->adopt(
        "attention", multi_head_self_attention<T>(width, heads, seeds.bits(0), {.dropout = options.attention_dropout}));
    drop1_ = &this->adopt("drop1", dropout<T>(options.dropout, seeds.bits(1)));
    norm2_ = &this->adopt("norm2", layer_norm<T>(width));
    sequential<T> mlp;
    mlp.add("linear1", linear<T>(width, hidden, seeds.bits(2), initialisation::xavier_uniform));
    mlp.add("gelu", gelu<T>());
    mlp.add("linear2", linear<T>(hidden, width, seeds.bits(3), initialisation::xavier_uniform));
    mlp_ = &this->adopt("mlp", std::move(mlp));
    drop2_ = &this->adopt("drop2", dropout<T>(options.dropout, seeds.bits(4)));
  }

  variable forward(tape<T>& t, variable input) const override { return attend(t, input).output; }
  /// With the attention maps beside the output.
  result attend(tape<T>& t, variable input, const attention_mask<T>& mask = {}) const {
    const result seen = attention_->attend(t, norm1_->forward(t, input), mask);
    const variable h = add(t, input, drop1_->forward(t, seen.output));
    const variable mapped = per_token(t, *mlp_, norm2_->forward(t, h));
    return {add(t, h, drop2_->forward(t, mapped)), seen.maps};
  }

 private:
  const layer_norm<T>*norm1_, *norm2_;
  const multi_head_self_attention<T>* attention_;
  const dropout<T>*drop1_, *drop2_;
  const sequential<T>* mlp_;
};

}  // namespace nn
DISTILL_NAMESPACE_END
