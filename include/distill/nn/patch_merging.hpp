// Four tokens become one.
#pragma once

#include <cstdint>
#include <string>

#include "../config.hpp"
#include "container.hpp"
#include "conv2d.hpp"
#include "gelu.hpp"
#include "layer_norm.hpp"
#include "pixels_to_tokens.hpp"
#include "tokens_to_pixels.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// batch × (height · width) × inputs becomes batch × (⌊height/2⌋ · ⌊width/2⌋) × outputs: a layer norm of every token,
/// then each square of 2 × 2 neighbours through one linear map (a convolution of that kernel and stride) and a gelu;
/// after Z. Liu et al., "Swin transformer", ICCV 2021, §3.1, where the norm is that of the four together. Tokens that
/// fill no square are left out.
template <class T>
class patch_merging : public container<T> {
 public:
  /// @throws argument_error  height or width below 2, what the layers throw
  patch_merging(index height, index width, index inputs, index outputs, std::uint64_t seed)
      : container<T>("patch_merging(" + std::to_string(inputs) + ", " + std::to_string(outputs) + ")"),
        height_(height),
        width_(width) {
    if (height < 2 || width < 2)
      fail("patch_merging: height × width is ", height, "×", width, ", at least 2×2 expected");
    this->adopt("norm", layer_norm<T>(inputs));
    this->adopt("merge", conv2d<T>(inputs, outputs, 2, seed, {.stride = 2}));
    this->adopt("gelu", gelu<T>());
  }

  variable forward(tape<T>& t, variable input) const override {
    const variable pixels = tokens_to_pixels(t, this->child(0).forward(t, input), height_, width_);
    return this->child(2).forward(t, pixels_to_tokens(t, this->child(1).forward(t, pixels)));
  }

 private:
  index height_, width_;
};

}  // namespace nn
DISTILL_NAMESPACE_END
