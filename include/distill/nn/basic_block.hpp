// Two convolutions beside a shortcut.
#pragma once

#include <cstdint>
#include <string>

#include "../config.hpp"
#include "../core/random.hpp"
#include "add.hpp"
#include "batch_norm.hpp"
#include "container.hpp"
#include "conv2d.hpp"
#include "relu.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// y = relu(norm2(conv2(relu(norm1(conv1(x))))) + shortcut(x)), with 3 × 3 convolutions without biases, conv1 with the
/// stride; the shortcut is x, or a 1 × 1 convolution with the stride and a batch norm where the extents change; source:
/// K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", CVPR 2016, fig. 2 and option B.
template <class T>
class basic_block : public container<T> {
 public:
  /// @throws argument_error  what conv2d throws
  basic_block(index inputs, index outputs, index stride, std::uint64_t seed)
      : container<T>("basic_block(" + std::to_string(inputs) + ", " + std::to_string(outputs) + ")") {
    const random_stream seeds(seed);
    this->adopt("conv1", conv2d<T>(inputs, outputs, 3, seeds.bits(0), {.stride = stride, .padding = 1, .bias = false}));
    this->adopt("norm1", batch_norm<T>(outputs, {.relu = true}));
    this->adopt("conv2", conv2d<T>(outputs, outputs, 3, seeds.bits(1), {.padding = 1, .bias = false}));
    this->adopt("norm2", batch_norm<T>(outputs));
    this->adopt("relu", relu<T>());
    if (stride == 1 && inputs == outputs) return;
    this->adopt("shortcut.conv", conv2d<T>(inputs, outputs, 1, seeds.bits(2), {.stride = stride, .bias = false}));
    this->adopt("shortcut.norm", batch_norm<T>(outputs));
  }

  variable forward(tape<T>& t, variable input) const override {
    variable y = input, past = input;
    for (index i = 0; i < 4; ++i) y = this->child(i).forward(t, y);
    for (index i = 5; i < this->children(); ++i) past = this->child(i).forward(t, past);
    return this->child(4).forward(t, add(t, y, past));
  }
};

}  // namespace nn
DISTILL_NAMESPACE_END
