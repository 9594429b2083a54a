// Two-dimensional convolution.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "../config.hpp"
#include "../core/sweep.hpp"
#include "detail/convolution_shape.hpp"
#include "detail/patch_convolution.hpp"
#include "detail/plane_convolution.hpp"
#include "detail/winograd_convolution.hpp"
#include "initialise.hpp"
#include "layer.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// Stride in pixels, and pixels of zeros added on each side, for both axes; groups of channels that do not see each
/// other; whether there is a b.
struct conv2d_options {
  index stride = 1;
  index padding = 0;
  index groups = 1;
  bool bias = true;
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
    initialise(weight_.value(), options.how, inputs / options.groups * kernel * kernel, random_stream(seed),
               outputs / options.groups * kernel * kernel);
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
    const parameter_view<T> weight = t.read(weight_);
    const parameter_view<T> bias = bias_ ? t.read(*bias_) : parameter_view<T>();
    const index groups = options_.groups;
    with_way(s, [&](const auto& way) { run_forward(t, s, way, groups, weight.value, bias.value, x, y); });
    return t.record(
        y, {input}, [=](tape<T>& on, variable self) { backward(on, self, s, groups, weight, bias.gradient); },
        weight.gradient != nullptr || bias.gradient != nullptr);
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
    const detail::convolution_shape s{w[1], w[0] / groups, x[2], x[3], w[2], options_.stride, options_.padding};
    if (x.rank() != 4 || x[1] != w[1] * groups || !s.fits())
      this->fail_shape(x, "batch×" + std::to_string(w[1] * groups) + "×height×width of at least " +
                              std::to_string(w[2] - 2 * options_.padding) + " pixels");
    return s;
  }

  /// f(the way that suits the shape)
  template <class F>
  static void with_way(const detail::convolution_shape& s, const F& f) {
    if constexpr (std::floating_point<T>) {
      if (detail::winograd_convolution<T>::serves(s)) return f(detail::winograd_convolution<T>(s));
      if (detail::plane_convolution<T>::serves(s)) return f(detail::plane_convolution<T>(s));
    }
    f(detail::patch_convolution<T>(s));
  }

  /// Whole vectors, so that what follows begins at one.
  static index rounded(index size) { return (size + 15) / 16 * 16; }

  static index work(const detail::convolution_shape& s, index images) {
    return images * s.inputs * s.taps() * s.out_plane();
  }

  template <class Way>
  static void run_forward(tape<T>& t, const detail::convolution_shape& s, const Way& way, index groups,
                          const T* weights, const T* bias, const tensor_view<const T>& x, const tensor_view<T>& y) {
    const index batch = x.shape[0], step = way.images();
    const arena::position start = t.memory().mark();
    const index prepared_size = rounded(way.prepared_size()), scratch_size = rounded(way.forward_scratch());
    const int threads = t.threads(work(s, batch * groups));
    T* prepared = t.memory().template take<T>(prepared_size * groups);
    T* scratch = t.memory().template take<T>(scratch_size * threads);
    parallel_for(groups, threads,
                 [&](index g, int) { way.prepare_forward(weights + g * s.weights(), prepared + g * prepared_size); });
    parallel_for((batch + step - 1) / step, threads, [&](index chunk, int thread) {
      const index n = chunk * step, count = std::min(step, batch - n);
      for (index g = 0; g < groups; ++g)
        way.forward(prepared + g * prepared_size, bias == nullptr ? nullptr : bias + g * s.outputs,
                    group(x, s.inputs * s.plane(), n, count, g), group(y, s.outputs * s.out_plane(), n, count, g),
                    scratch + thread * scratch_size);
    });
    t.memory().rewind(start);
  }

  static void backward(tape<T>& t, variable self, const detail::convolution_shape& s, index groups,
                       const parameter_view<T>& weight, T* bias_gradient) {
    with_way(s, [&](const auto& way) { run_backward(t, self, s, way, groups, weight, bias_gradient); });
  }

  template <class Way>
  static void run_backward(tape<T>& t, variable self, const detail::convolution_shape& s, const Way& way, index groups,
                           const parameter_view<T>& weight, T* bias_gradient) {
    const variable input = t.input(self, 0);
    const tensor_view<const T> x = t.value(input), dy = t.gradient(self);
    const gradient_slot<T> dx = t.claim_gradient(input);
    const index batch = x.shape[0], outputs = dy.shape[1];

    // Runs of images share one partial sum. How many there are depends on shapes only: enough for 32 threads, fewer
    // where the partial sums would fill the caches.
    const index group_sums = weight.gradient == nullptr ? 0 : rounded(way.sum_size());
    const index bias_sums = bias_gradient == nullptr ? 0 : rounded(outputs);
    const index sums_size = groups * group_sums + bias_sums;
    const index most = std::clamp<index>((index{1} << 20) / std::max<index>(1, sums_size), 8, 32);
    const index runs = std::clamp<index>(batch, 1, most);  // one even of no images: its sums are zero
    const index prepared_size = dx ? rounded(way.prepared_size()) : 0, scratch_size = rounded(way.backward_scratch());
    const int threads = t.threads(work(s, batch * groups));
    const arena::position start = t.memory().mark();
    T* prepared = t.memory().template take<T>(prepared_size * groups);
    T* sums = t.memory().template take<T>(sums_size * runs);
    T* scratch = t.memory().template take<T>(scratch_size * threads);
    if (dx)
      parallel_for(groups, threads, [&](index g, int) {
        way.prepare_backward(weight.value + g * s.weights(), prepared + g * prepared_size);
      });

    parallel_for(runs, threads, [&](index run, int thread) {
      T* sum = sums + run * sums_size;
      std::fill_n(sum, sums_size, T(0));
      const index end = batch * (run + 1) / runs;
      for (index n = batch * run / runs; n < end; n += way.images()) {
        const index count = std::min(way.images(), end - n);
        for (index g = 0; g < groups; ++g)
          way.backward(prepared + g * prepared_size, group(x, s.inputs * s.plane(), n, count, g),
                       group(dy, s.outputs * s.out_plane(), n, count, g),
                       dx ? group(dx.view, s.inputs * s.plane(), n, count, g) : detail::image_run<T>(), dx.accumulate,
                       group_sums == 0 ? nullptr : sum + g * group_sums, scratch + thread * scratch_size);
        for (index plane = 0; plane < count * outputs && bias_sums > 0; ++plane)
          sum[groups * group_sums + plane % outputs] +=
              plane_sum(dy.data + (n * outputs + plane) * s.out_plane(), s.out_plane());
      }
    });
    for (index run = 1; run < runs; ++run)
      distill::detail::add_to(sums, static_cast<const T*>(sums + run * sums_size), sums_size);
    for (index g = 0; g < groups && group_sums > 0; ++g)
      way.add_weight_gradient(sums + g * group_sums, weight.gradient + g * s.weights());
    if (bias_sums > 0)
      distill::detail::add_to(bias_gradient, static_cast<const T*>(sums + groups * group_sums), outputs);
    t.memory().rewind(start);
  }

  /// The planes of group g of images [first, first + count); a group has `size` elements of each image.
  template <class U>
  static detail::image_run<U> group(const tensor_view<U>& images, index size, index first, index count, index g) {
    const index stride = images.shape.features();
    return {images.data + first * stride + g * size, count, stride};
  }

  static T plane_sum(const T* from, index count) {
    simd<T> sum(T(0));
    distill::detail::sweep<T>(
        count, [&](const simd<T>& v) DISTILL_LAMBDA_INLINE { sum += v; }, from);
    return static_cast<T>(distill::detail::reduce_sum<T>(sum));
  }

  conv2d_options options_;
  parameter<T> weight_;
  std::optional<parameter<T>> bias_;
};

}  // namespace nn
DISTILL_NAMESPACE_END
