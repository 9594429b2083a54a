// Batch normalisation.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "../config.hpp"
#include "../core/sweep.hpp"
#include "../core/transpose.hpp"
#include "detail/channel_moments.hpp"
#include "detail/rectify.hpp"
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
    pass p;
    p.planes = {shape[0], channels, shape.features() / channels};
    p.training = t.training();
    p.relu = options_.relu;
    if (p.training && p.planes.count() < 2) this->fail_shape(shape, "at least 2 values of each channel to learn from");
    p.turned = p.planes.size == 1 && p.planes.batch > 1;
    if (options_.affine) p.weight = t.read(weight_), p.bias = t.read(bias_);

    const tensor_view<T> y = t.allocate(shape);
    p.normalisers = t.memory().template take<normaliser>(channels);
    p.x = p.turned ? turn(t, x.data, p.planes) : x.data;
    const arena::position start = t.memory().mark();
    T* const to = p.turned ? t.memory().template take<T>(y.size()) : y.data;
    const detail::channel_planes lines = p.lines();
    parallel_for(channels, t.threads(x.size()), [&](index c, int) {
      p.normalisers[c] = p.training ? of_batch(lines, p.x, c) : of_running(c);
      lines.for_each(c, [&](index at) { p.normalise(c, at, to + at); });
    });
    if (p.turned) distill::detail::transpose<T>(to, p.planes.batch, channels, p.planes.batch, y.data, channels);
    t.memory().rewind(start);
    return t.record(
        y, {input}, [p](tape<T>& on, variable self) { p.backward(on, self); },
        p.weight.gradient != nullptr || p.bias.gradient != nullptr);
  }

 private:
  /// x̂ = (x − shift) · scale + offset.
  struct normaliser {
    T shift, scale, offset;
  };

  static index checked(index channels, const batch_norm_options& o) {
    if (channels < 1 || !(o.epsilon > 0) || !(o.momentum >= 0 && o.momentum <= 1))
      fail("batch_norm: channels ", channels, ", epsilon ", o.epsilon, ", momentum ", o.momentum,
           "; at least 1, above 0, 0 to 1 expected");
    return channels;
  }

  /// Rows of one value for each channel as one plane for each channel.
  static T* turn(tape<T>& t, const T* rows, const detail::channel_planes& p) {
    T* const columns = t.memory().template take<T>(p.total());
    distill::detail::transpose<T>(rows, p.channels, p.batch, p.channels, columns, p.batch);
    return columns;
  }

  normaliser of_batch(const detail::channel_planes& p, const T* x, index c) const {
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
  normaliser of_running(index c) const {
    using std::sqrt;
    const wide<T> variance = static_cast<wide<T>>(running_variance_.value().data[c]);
    return {running_mean_.value().data[c], static_cast<T>(1.0 / sqrt(variance + options_.epsilon)), T(0)};
  }
  void move(T& running, wide<T> batch) const {
    running = static_cast<T>((1 - options_.momentum) * static_cast<wide<T>>(running) + options_.momentum * batch);
  }

  /// One call, on its way to backward.
  struct pass {
    detail::channel_planes planes;
    const T* x = nullptr;
    normaliser* normalisers = nullptr;
    parameter_view<T> weight, bias;
    bool training = true, relu = false, turned = false;

    /// What is swept over: rows of features lie turned.
    detail::channel_planes lines() const {
      return turned ? detail::channel_planes{1, planes.channels, planes.batch} : planes;
    }

    /// The function of one channel, for vectors.
    struct affine {
      simd<T> shift, scale, offset, weight, bias;
      DISTILL_INLINE simd<T> normal(const simd<T>& v) const { return lane<simd<T>>::fma(v - shift, scale, offset); }
      DISTILL_INLINE simd<T> value(const simd<T>& v) const { return lane<simd<T>>::fma(normal(v), weight, bias); }
      /// dy where the ReLU lets it pass.
      DISTILL_INLINE simd<T> passed(const simd<T>& v, const simd<T>& dy) const {
        return detail::rectified<simd<T>>(value(v), dy);
      }
    };
    affine of(index c) const {
      const auto& s = normalisers[c];
      return {simd<T>(s.shift), simd<T>(s.scale), simd<T>(s.offset),
              simd<T>(weight.value == nullptr ? T(1) : weight.value[c]),
              simd<T>(bias.value == nullptr ? T(0) : bias.value[c])};
    }

    void normalise(index c, index at, T* to) const {
      const affine f = of(c);
      const index size = lines().size;
      if (relu)
        distill::detail::sweep<T>(
            size, [&](simd<T>& y, const simd<T>& v) DISTILL_LAMBDA_INLINE { y = f.passed(v, f.value(v)); }, to, x + at);
      else
        distill::detail::sweep<T>(
            size, [&](simd<T>& y, const simd<T>& v) DISTILL_LAMBDA_INLINE { y = f.value(v); }, to, x + at);
    }

    /// With g = dy (where the ReLU lets it pass), n values a channel and x̂ normalised:
    ///     db = Σ g,  dw = Σ g x̂,  dx = w/√(σ² + ε) · (g − db/n − x̂ dw/n)
    /// the last two terms only where the statistics were the batch's.
    void backward(tape<T>& t, variable self) const {
      const variable input = t.input(self, 0);
      const gradient_slot<T> slot = t.claim_gradient(input);
      const tensor_view<const T> given = t.gradient(self);
      const arena::position start = t.memory().mark();
      const T* dy = turned ? turn(t, given.data, planes) : given.data;
      T* dx = slot.view.data;
      if (turned && slot) dx = t.memory().template take<T>(planes.total());
      const bool accumulate = slot.accumulate && !turned;
      const detail::channel_planes p = lines();
      parallel_for(p.channels, t.threads(p.total()), [&](index c, int) {
        if (relu)
          backward_channel<true>(p, c, dy, dx, accumulate);
        else
          backward_channel<false>(p, c, dy, dx, accumulate);
      });
      if (turned && slot) {
        T* rows = slot.view.data;
        for (index n = 0; n < planes.batch; ++n)
          for (index c = 0; c < planes.channels; ++c, ++rows) {
            const T d = dx[c * planes.batch + n];
            *rows = slot.accumulate ? *rows + d : d;
          }
      }
      t.memory().rewind(start);
    }

    template <bool Relu>
    void backward_channel(const detail::channel_planes& p, index c, const T* dy, T* dx, bool accumulate) const {
      using ops = lane<simd<T>>;
      const affine f = of(c);
      wide<T> sum = 0, product = 0;
      const auto add = [&](simd<T>& a, simd<T>& b, const simd<T>& v, const simd<T>& d) DISTILL_LAMBDA_INLINE {
        const simd<T> g = Relu ? f.passed(v, d) : d;
        a += g;
        b = ops::fma(g, f.normal(v), b);
      };
      if (training || weight.gradient != nullptr || bias.gradient != nullptr)
        p.for_each(c, [&](index at) {
          detail::add_two_sums<T>(p.size, sum, product, add, normalisers[c].shift, x + at, dy + at);
        });
      if (weight.gradient != nullptr) weight.gradient[c] += static_cast<T>(product);
      if (bias.gradient != nullptr) bias.gradient[c] += static_cast<T>(sum);
      if (dx == nullptr) return;
      const wide<T> share = training ? 1.0 / static_cast<double>(p.count()) : 0.0;
      const simd<T> mean(static_cast<T>(sum * share)), slope(static_cast<T>(product * share)),
          scale = f.scale * f.weight;
      const auto to_input = [&](const simd<T>& v, const simd<T>& d) DISTILL_LAMBDA_INLINE {
        const simd<T> g = Relu ? f.passed(v, d) : d;
        return scale * (g - mean - f.normal(v) * slope);
      };
      p.for_each(c, [&](index at) {
        if (accumulate)
          distill::detail::sweep<T>(
              p.size,
              [&](simd<T>& to, const simd<T>& v, const simd<T>& d) DISTILL_LAMBDA_INLINE { to += to_input(v, d); },
              dx + at, x + at, dy + at);
        else
          distill::detail::sweep<T>(
              p.size,
              [&](simd<T>& to, const simd<T>& v, const simd<T>& d) DISTILL_LAMBDA_INLINE { to = to_input(v, d); },
              dx + at, x + at, dy + at);
      });
    }
  };

  batch_norm_options options_;
  parameter<T> weight_, bias_, running_mean_, running_variance_;
};

}  // namespace nn
DISTILL_NAMESPACE_END
