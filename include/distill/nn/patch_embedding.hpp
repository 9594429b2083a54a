// Images as sequences of patches.
#pragma once

#include <cstdint>
#include <string>

#include "../config.hpp"
#include "../core/random.hpp"
#include "container.hpp"
#include "conv2d.hpp"
#include "pixels_to_tokens.hpp"
#include "position_embedding.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// batch × channels × height × width becomes batch × tokens × width′: every patch × patch square, by one linear map (a
/// convolution of that kernel and stride), plus a vector learned for its place; source: A. Dosovitskiy et al., "An
/// image is worth 16x16 words", ICLR 2021, §3.1, without a class token. Pixels that fill no patch are left out.
template <class T>
class patch_embedding : public container<T> {
 public:
  /// For images of one size. @throws argument_error  patch below 1 or above the image, what the layers throw
  patch_embedding(index channels, index image_height, index image_width, index patch, index width, std::uint64_t seed)
      : container<T>("patch_embedding(" + std::to_string(patch) + ", " + std::to_string(width) + ")") {
    if (patch < 1 || patch > image_height || patch > image_width)
      fail("patch_embedding: patch is ", patch, ", 1 to ", image_height, " and ", image_width, " expected");
    const random_stream seeds(seed);
    this->adopt("patch", conv2d<T>(channels, width, patch, seeds.bits(0),
                                   {.stride = patch, .how = initialisation::xavier_uniform}));
    this->adopt("position",
                position_embedding<T>((image_height / patch) * (image_width / patch), width, seeds.bits(1)));
  }

  variable forward(tape<T>& t, variable input) const override {
    return this->child(1).forward(t, pixels_to_tokens(t, this->child(0).forward(t, input)));
  }
};

}  // namespace nn
DISTILL_NAMESPACE_END
