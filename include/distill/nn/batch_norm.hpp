// Batch normalisation.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "../config.hpp"
#include "detail/batch_norm_pass.hpp"
#include "detail/channel_moments.hpp"
#include "layer.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// momentum: the share of the new batch in the running statistics. relu: y = max(0, ·), in the same pass over memory
/// as a layer of its own would take again.
struct batch_norm_options {
  double epsilon = 1e-5;
  double momentum = 0.1;
  bool affine = true;
  bool relu = false;
};

/// y = w[c] (x − μ[c]) / √(σ²[c] + ε) + b[c] for each channel c of x: batch × channels × height × width, or of the
/// columns of x: batch × channels. (Ioffe and Szegedy, Batch normalization, 2015.)
///
/// In training (tape.training()) μ and σ² are those of the batch, σ² divided by the count, and the running statistics
/// move towards them: running ← (1 − momentum) running + momentum · batch, the variance there divided by the count less
/// one. Otherwise the running statistics take their place. They are buffers: saved, not learned.
/// Means are subtracted before anything is squared and sums are kept in double: a mean that is large beside σ costs
/// nothing.
/// w starts at one, b at zero, the running mean at zero, the running variance at one.
template <class T>
class batch_norm : public layer<T> {
 public:
  /// @throws argument_error  channels below 1, epsilon not above 0, momentum not in [0, 1]
  explicit batch_norm(index channels, batch_norm_options options = {})
      : layer<T>("batch_norm(" + std::to_string(channels) + ")"),
        options_(options),
        weight_("weight", {checked(channels, options)}),
        bias_("bias", {channels}),
        running_mean_("running_mean", {channels}),
        running_variance_("running_variance", {channels}) {
    std::fill_n(weight_.value().data, channels, T(1));
    std::fill_n(running_variance_.value().data, channels, T(1));
    running_mean_.trainable = running_variance_.trainable = false;
  }

  parameter<T>& weight() { return weight_; }
  parameter<T>& bias() { return bias_; }
  parameter<T>& running_mean() { return running_mean_; }
  parameter<T>& running_variance() { return running_variance_; }
  std::vector<parameter<T>*> parameters() override {
    if (!options_.affine) return {};
    return {&weight_, &bias_};
  }
  std::vector<parameter<T>*> buffers() override { return {&running_mean_, &running_variance_}; }

  /// Training steps use the batch's statistics but leave the running ones alone: for a second look at the same batch.
  bool freeze_statistics = false;

  /// @throws argument_error  in training also for a single value per channel, which has no variance
  variable forward(tape<T>& t, variable input) const override {
    const tensor_view<const T> x = t.value(input);
    const tensor_shape& shape = x.shape;
    const index channels = weight_.size();
    if ((shape.rank() != 2 && shape.rank() != 4) || shape[1] != channels)
      this->fail_shape(shape,
                       "batch×" + std::to_string(channels) + " or batch×" + std::to_string(channels) + "×height×width");
    detail::batch_norm_pass<T> p;
    p.planes = {shape[0], channels, shape.features() / channels};
    p.training = t.training();
    p.relu = options_.relu;
    if (p.training && p.planes.count() < 2) this->fail_shape(shape, "at least 2 values of each channel to learn from");
    if (options_.affine) p.weight = t.read(weight_), p.bias = t.read(bias_);

    const tensor_view<T> y = t.allocate(shape);
    p.forward(t, x.data, y.data, [&](const detail::channel_planes& planes, const T* values, index c) {
      return p.training ? of_batch(planes, values, c) : of_running(c);
    });
    return t.record(
        y, {input}, [p](tape<T>& on, variable self) { p.backward(on, self); },
        p.weight.gradient != nullptr || p.bias.gradient != nullptr);
  }

 private:
  static index checked(index channels, const batch_norm_options& o) {
    if (channels < 1 || !(o.epsilon > 0) || !(o.momentum >= 0 && o.momentum <= 1))
      fail("batch_norm: channels ", channels, ", epsilon ", o.epsilon, ", momentum ", o.momentum,
           "; at least 1, above 0, 0 to 1 expected");
    return channels;
  }

  detail::normaliser<T> of_batch(const detail::channel_planes& p, const T* x, index c) const {
    using std::sqrt;
    const auto m = detail::channel_moments<T>::of(p, x, c);
    if (!freeze_statistics) {
      const auto count = static_cast<double>(p.count());
      move(running_mean_.value().data[c], m.mean());
      move(running_variance_.value().data[c], m.variance * (count / (count - 1)));
    }
    const wide<T> scale = 1.0 / sqrt(m.variance + options_.epsilon);
    return {m.shift, static_cast<T>(scale), static_cast<T>(-m.rest * scale)};
  }
  detail::normaliser<T> of_running(index c) const {
    using std::sqrt;
    const wide<T> variance = static_cast<wide<T>>(running_variance_.value().data[c]);
    return {running_mean_.value().data[c], static_cast<T>(1.0 / sqrt(variance + options_.epsilon)), T(0)};
  }
  void move(T& running, wide<T> batch) const {
    running = static_cast<T>((1 - options_.momentum) * static_cast<wide<T>>(running) + options_.momentum * batch);
  }

  batch_norm_options options_;
  parameter<T> weight_, bias_, running_mean_, running_variance_;
};

}  // namespace nn
DISTILL_NAMESPACE_END
