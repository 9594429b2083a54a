// What a convolution is told about its input.
#pragma once

#include "../../config.hpp"
#include "window_shape.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn::detail {

/// One group of a convolution of square kernels: `inputs` planes of height × width become `outputs` planes.
struct convolution_shape : window_shape {
  index inputs = 0, outputs = 0;

  index weights() const { return outputs * inputs * taps(); }

  /// The convolution that takes the gradient of the output to that of the input: of the output's planes, with the
  /// kernels flipped and inputs and outputs exchanged. For stride 1 and padding < window.
  convolution_shape reversed() const {
    return {{out_height(), out_width(), window, 1, window - 1 - padding}, outputs, inputs};
  }
};

/// `count` images of the planes of one group each; `stride` elements from one to the next.
template <class T>
struct image_run {
  T* data = nullptr;
  index count = 0;
  index stride = 0;

  T* image(index n) const { return data + n * stride; }
  explicit operator bool() const { return data != nullptr; }
};

}  // namespace nn::detail
DISTILL_NAMESPACE_END
