// What a convolution is told about its input.
#pragma once

#include <algorithm>

#include "../../config.hpp"
#include "../../core/matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn::detail {

/// One group of a convolution of square kernels: `inputs` planes of height × width become `outputs` planes.
struct convolution_shape {
  index inputs = 0, outputs = 0, height = 0, width = 0;
  index kernel = 1, stride = 1, padding = 0;

  index out_height() const { return (height + 2 * padding - kernel) / stride + 1; }
  index out_width() const { return (width + 2 * padding - kernel) / stride + 1; }
  index plane() const { return height * width; }
  index out_plane() const { return out_height() * out_width(); }
  index taps() const { return kernel * kernel; }
  index weights() const { return outputs * inputs * taps(); }
  /// What height and width have to reach.
  index least() const { return std::max<index>(1, kernel - 2 * padding); }
  bool fits() const { return height >= least() && width >= least(); }

  /// The convolution that takes the gradient of the output to that of the input: of the output's planes, with the
  /// kernels flipped and inputs and outputs exchanged. For stride 1 and padding < kernel.
  convolution_shape reversed() const {
    return {outputs, inputs, out_height(), out_width(), kernel, 1, kernel - 1 - padding};
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
