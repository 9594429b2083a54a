// Two-dimensional convolution.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "../config.hpp"
#include "detail/convolution_pass.hpp"
#include "initialise.hpp"
#include "layer.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// Stride in pixels, and pixels of zeros added on each side, for both axes; groups of channels that do not see each
/// other; whether there is a b; relu: y = max(0, ·), while the result is still in the caches.
struct conv2d_options {
  index stride = 1;
  index padding = 0;
  index groups = 1;
  bool bias = true;
  bool relu = false;
  initialisation how = initialisation::kaiming_uniform;
};

/// y[n, o, i, j] = b[o] + Σ_{c,k,l} W[o, c, k, l] · x[n, c₀ + c, i·stride + k − padding, j·stride + l − padding], zero
/// outside the image (a cross-correlation, as in every other library), where c runs over the inputs of o's group.
///
/// x: batch × inputs × height × width; W: outputs × inputs/groups × kernel × kernel; b: outputs;
/// y: batch × outputs × ((height + 2 padding − kernel)/stride + 1, rounded down) × (the same of width).
/// With as many groups as inputs it is a depthwise convolution.
///
/// Three ways to compute it: Winograd's for 3×3 kernels of stride 1 between 8 channels or more, directly for other
/// kernels of stride 1 with few channels, by a matrix product of W with patches for the rest. An infinite x or W may
/// become NaN in the first. The gradient of W is summed over fixed runs of images, and the runs in order: it does not
/// depend on the thread count.
/// W starts as `how` says, with fan_in = inputs/groups · kernel², from stream 0 of the seed; b starts at zero.
template <class T>
class conv2d : public layer<T> {
 public:
  /// @throws argument_error  inputs, outputs, kernel, stride or groups below 1, padding negative, inputs or outputs not
  /// a multiple of groups
  conv2d(index inputs, index outputs, index kernel, std::uint64_t seed, conv2d_options options = {})
      : layer<T>("conv2d(" + std::to_string(inputs) + ", " + std::to_string(outputs) + ", " + std::to_string(kernel) +
                 ")"),
        options_(options),
        weight_("weight", checked(inputs, outputs, kernel, options)) {
    if (options.bias) bias_.emplace("bias", tensor_shape{outputs});
    initialise(weight_.value(), options.how, inputs / options.groups * kernel * kernel, random_stream(seed));
  }

  parameter<T>& weight() { return weight_; }
  /// @throws argument_error  if there is none
  parameter<T>& bias() {
    if (!bias_) fail(this->name, ": bias() of a layer that was made without one");
    return *bias_;
  }
  std::vector<parameter<T>*> parameters() override {
    if (!bias_) return {&weight_};
    return {&weight_, &*bias_};
  }

  variable forward(tape<T>& t, variable input) const override {
    const tensor_view<const T> x = t.value(input);
    const detail::convolution_shape s = shape_of(x.shape);
    const tensor_view<T> y = t.allocate({x.shape[0], weight_.shape()[0], s.out_height(), s.out_width()});
    const detail::convolution_pass<T> pass{s, options_.groups, t.read(weight_),
                                           bias_ ? t.read(*bias_) : parameter_view<T>(), options_.relu};
    pass.forward(t, x, y);
    return t.record(
        y, {input}, [pass](tape<T>& on, variable self) { pass.backward(on, self); },
        pass.weight.gradient != nullptr || pass.bias.gradient != nullptr);
  }

 private:
  static tensor_shape checked(index inputs, index outputs, index kernel, const conv2d_options& o) {
    if (inputs < 1 || outputs < 1 || kernel < 1 || o.stride < 1 || o.padding < 0 || o.groups < 1)
      fail("conv2d: inputs ", inputs, ", outputs ", outputs, ", kernel ", kernel, ", stride ", o.stride, ", padding ",
           o.padding, ", groups ", o.groups, "; at least 1, 1, 1, 1, 0, 1 expected");
    if (inputs % o.groups != 0 || outputs % o.groups != 0)
      fail("conv2d: inputs ", inputs, " and outputs ", outputs, " for ", o.groups, " groups, multiples expected");
    return {outputs, inputs / o.groups, kernel, kernel};
  }

  /// What one group sees.
  detail::convolution_shape shape_of(const tensor_shape& x) const {
    const tensor_shape& w = weight_.shape();
    const index groups = options_.groups;
    const detail::convolution_shape s{{x[2], x[3], w[2], options_.stride, options_.padding}, w[1], w[0] / groups};
    if (x.rank() != 4 || x[1] != w[1] * groups || !s.fits())
      this->fail_shape(x, "batch×" + std::to_string(w[1] * groups) + "×height×width of at least " +
                              std::to_string(s.least()) + " pixels");
    return s;
  }

  conv2d_options options_;
  parameter<T> weight_;
  std::optional<parameter<T>> bias_;
};

}  // namespace nn
DISTILL_NAMESPACE_END
