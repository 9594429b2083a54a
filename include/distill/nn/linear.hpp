// Fully connected layer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "../config.hpp"
#include "../dense/product.hpp"
#include "initialise.hpp"
#include "layer.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// y = x W + b with x of shape batch × inputs (trailing extents are flattened: no flatten layer is needed), W of shape
/// inputs × outputs, b of shape outputs, y of shape batch × outputs.
///
/// Gradients: dx = dy Wᵀ, dW += xᵀ dy, db += Σ over the batch of dy.
/// W starts as `initialisation` says, with fan_in = inputs, from stream 0 of the seed; b starts at zero.
template <class T>
class linear : public layer<T> {
 public:
  /// @throws argument_error  inputs or outputs below 1
  linear(index inputs, index outputs, std::uint64_t seed, initialisation how = initialisation::kaiming_uniform)
      : layer<T>("linear(" + std::to_string(inputs) + ", " + std::to_string(outputs) + ")"),
        weight_("weight", checked(inputs, outputs)),
        bias_("bias", {outputs}) {
    initialise(weight_.value(), how, inputs, random_stream(seed));
  }

  parameter<T>& weight() { return weight_; }
  parameter<T>& bias() { return bias_; }
  std::vector<parameter<T>*> parameters() override { return {&weight_, &bias_}; }

  variable forward(tape<T>& t, variable input) const override {
    const tensor_shape& shape = t.shape(input);
    if (shape.rank() < 1 || shape.features() != weight_.shape()[0])
      this->fail_shape(shape, "batch×" + std::to_string(weight_.shape()[0]));
    const matrix_view<const T> x = t.value(input).matrix();
    const tensor_view<T> y = t.allocate({x.rows, weight_.shape()[1]});
    const parameter_view<T> weight = t.read(weight_), bias = t.read(bias_);
    product(x, matrix_view<const T>(weight.value, x.columns, y.shape[1]), y.matrix(),
            matrix_view<const T>(bias.value, y.shape[0], y.shape[1], 0, 1), t.resources());
    return t.record(
        y, {input}, [=](tape<T>& on, variable self) { backward(on, self, weight, bias.gradient); },
        weight.gradient != nullptr || bias.gradient != nullptr);
  }

 private:
  static tensor_shape checked(index inputs, index outputs) {
    if (inputs < 1 || outputs < 1)
      fail("linear: inputs × outputs is ", inputs, "×", outputs, ", at least 1×1 expected");
    return {inputs, outputs};
  }

  static void backward(tape<T>& t, variable self, const parameter_view<T>& weight, T* bias_gradient) {
    const variable input = t.input(self, 0);
    const matrix_view<const T> x = t.value(input).matrix(), dy = t.gradient(self).matrix();
    if (weight.gradient != nullptr) {
      const matrix_view<T> dw(weight.gradient, x.columns, dy.columns);
      product(transposed(x), dy, dw, dw, t.resources());
    }
    if (bias_gradient != nullptr)
      for (index row = 0; row < dy.rows; ++row) distill::detail::add_to(bias_gradient, dy.row(row), dy.columns);
    if (const gradient_slot<T> slot = t.claim_gradient(input)) {
      const matrix_view<T> dx = slot.view.matrix();
      product(dy, transposed(matrix_view<const T>(weight.value, x.columns, dy.columns)), dx,
              slot.accumulate ? matrix_view<const T>(dx) : matrix_view<const T>(), t.resources());
    }
  }

  parameter<T> weight_;
  parameter<T> bias_;
};

}  // namespace nn
DISTILL_NAMESPACE_END
