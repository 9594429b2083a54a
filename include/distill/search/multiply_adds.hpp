// What a network costs, before it is built.
#pragma once

#include <string>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"
#include "../nn/conv2d.hpp"
#include "../nn/tensor_shape.hpp"

DISTILL_NAMESPACE_BEGIN

/// Counts the multiply-adds that one sample takes through a network, told layer by layer: one for every use of a
/// weight. Biases, norms, activations and pooling are left out, as is usual. It is a count by definition, whatever way
/// a layer computes (Winograd's takes fewer).
///
///     multiply_adds cost({1, 28, 28});
///     cost.conv2d(16, 3, {.padding = 1});
///     cost.max_pool();
///     cost.linear(10);
///     if (cost.total() > budget) …
class multiply_adds {
 public:
  /// The extents of one sample: {features} or {channels, height, width}. @throws argument_error  others
  explicit multiply_adds(const nn::tensor_shape& sample) : shape_(sample) {
    if ((sample.rank() != 1 && sample.rank() != 3) || sample.size() < 1)
      fail("multiply_adds: sample is ", sample.text(), ", features or channels×height×width expected");
  }

  /// Trailing extents are flattened. @throws argument_error  outputs below 1
  void linear(index outputs) {
    if (outputs < 1) fail("multiply_adds::linear: outputs is ", outputs, ", at least 1 expected");
    total_ += shape_.size() * outputs;
    shape_ = {outputs};
  }
  /// @throws argument_error  a sample without pixels or too small, sizes that nn::conv2d refuses
  void conv2d(index outputs, index kernel, const nn::conv2d_options& how = {}) {
    if (outputs < 1 || kernel < 1 || how.stride < 1 || how.padding < 0 || how.groups < 1)
      fail("multiply_adds::conv2d: outputs ", outputs, ", kernel ", kernel, ", stride ", how.stride, ", padding ",
           how.padding, ", groups ", how.groups, "; at least 1, 1, 1, 0, 1 expected");
    if (shape_[0] % how.groups != 0 || outputs % how.groups != 0)
      fail("multiply_adds::conv2d: inputs ", shape_[0], " and outputs ", outputs, " for ", how.groups,
           " groups, multiples expected");
    const index inputs = shape_[0] / how.groups;
    windows("conv2d", outputs, kernel, how.stride, how.padding);
    total_ += shape_.size() * inputs * kernel * kernel;
  }
  /// stride 0 means stride = window. @throws argument_error  likewise
  void max_pool(index window = 2, index stride = 0, index padding = 0) {
    if (window < 1 || stride < 0 || padding < 0)
      fail("multiply_adds::max_pool: window ", window, ", stride ", stride, ", padding ", padding,
           "; at least 1, 0, 0 expected");
    windows("max_pool", shape_[0], window, stride == 0 ? window : stride, padding);
  }
  /// @throws argument_error  a sample without pixels
  void global_average_pool() {
    if (shape_.rank() != 3)
      fail("multiply_adds::global_average_pool: sample is ", shape_.text(), ", channels×height×width expected");
    shape_ = {shape_[0]};
  }

  index total() const { return total_; }
  /// Of the sample after the last layer.
  const nn::tensor_shape& shape() const { return shape_; }

 private:
  void windows(const char* who, index channels, index size, index stride, index padding) {
    if (shape_.rank() != 3 || shape_[1] + 2 * padding < size || shape_[2] + 2 * padding < size)
      fail("multiply_adds::", who, ": sample is ", shape_.text(), ", channels×height×width of at least ",
           size - 2 * padding, " pixels expected");
    const auto out = [&](index extent) { return (extent + 2 * padding - size) / stride + 1; };
    shape_ = {channels, out(shape_[1]), out(shape_[2])};
  }

  nn::tensor_shape shape_;
  index total_ = 0;
};

DISTILL_NAMESPACE_END
