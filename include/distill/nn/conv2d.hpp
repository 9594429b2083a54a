// Two-dimensional convolution.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "../config.hpp"
#include "../dense/product.hpp"
#include "detail/patches.hpp"
#include "initialise.hpp"
#include "layer.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// Stride in pixels, and pixels of zeros added on each side, for both axes.
struct conv2d_options {
  index stride = 1;
  index padding = 0;
  initialisation how = initialisation::kaiming_uniform;
};

/// y[n, o, i, j] = b[o] + Σ_{c,k,l} W[o, c, k, l] · x[n, c, i·stride + k − padding, j·stride + l − padding], zero
/// outside the image (a cross-correlation, as in every other library).
///
/// x: batch × inputs × height × width; W: outputs × inputs × kernel × kernel; b: outputs;
/// y: batch × outputs × ((height + 2 padding − kernel)/stride + 1, rounded down) × (the same of width).
/// Each image is one matrix product of W with its patch matrix; images run in parallel. The weight gradient is summed
/// over fixed runs of images, and the runs in order: it does not depend on the thread count.
/// W starts as `how` says, with fan_in = inputs · kernel², from stream 0 of the seed; b starts at zero.
template <class T>
class conv2d : public layer<T> {
 public:
  /// @throws argument_error  inputs, outputs, kernel or stride below 1, padding negative
  conv2d(index inputs, index outputs, index kernel, std::uint64_t seed, conv2d_options options = {})
      : layer<T>("conv2d(" + std::to_string(inputs) + ", " + std::to_string(outputs) + ", " + std::to_string(kernel) +
                 ")"),
        options_(options),
        weight_("weight", checked(inputs, outputs, kernel, options)),
        bias_("bias", {outputs}) {
    initialise(weight_.value(), options.how, inputs * kernel * kernel, random_stream(seed));
  }

  parameter<T>& weight() { return weight_; }
  parameter<T>& bias() { return bias_; }
  std::vector<parameter<T>*> parameters() override { return {&weight_, &bias_}; }

  variable forward(tape<T>& t, variable input) const override {
    const tensor_view<const T> x = t.value(input);
    const detail::patch_geometry g = geometry(x.shape);
    const index batch = x.shape[0], outputs = weight_.shape()[0];
    const tensor_view<T> y = t.allocate({batch, outputs, g.out_height(), g.out_width()});
    const matrix_view<const T> weights = weight_.value().matrix();
    const matrix_view<const T> bias_columns(bias_.value().data, outputs, g.columns(), 1, 0);
    const arena::position start = t.memory().mark();
    const index patch_size = g.rows() * g.columns();
    const int threads = t.threads(batch * patch_size);
    T* scratch = t.memory().template take<T>(patch_size * threads);
    parallel_for(batch, threads, [&](index n, int thread) {
      T* patches = scratch + thread * patch_size;
      detail::gather_patches(g, x.data + n * x.shape.features(), patches);
      product(weights, matrix_view<const T>(patches, g.rows(), g.columns()),
              matrix_view<T>(y.data + n * y.shape.features(), outputs, g.columns()), bias_columns);
    });
    t.memory().rewind(start);
    return t.record(
        y, {input}, [this](tape<T>& on, variable self) { backward(on, self); }, weight_.trainable || bias_.trainable);
  }

 private:
  static tensor_shape checked(index inputs, index outputs, index kernel, const conv2d_options& o) {
    if (inputs < 1 || outputs < 1 || kernel < 1 || o.stride < 1 || o.padding < 0)
      fail("conv2d: inputs ", inputs, ", outputs ", outputs, ", kernel ", kernel, ", stride ", o.stride, ", padding ",
           o.padding, "; at least 1, 1, 1, 1, 0 expected");
    return {outputs, inputs, kernel, kernel};
  }

  detail::patch_geometry geometry(const tensor_shape& x) const {
    const tensor_shape& w = weight_.shape();
    const detail::patch_geometry g{w[1], x[2], x[3], w[2], options_.stride, options_.padding};
    if (x.rank() != 4 || x[1] != w[1] || !g.fits())
      this->fail_shape(x, "batch×" + std::to_string(w[1]) + "×height×width of at least " +
                              std::to_string(w[2] - 2 * options_.padding) + " pixels");
    return g;
  }

  void backward(tape<T>& t, variable self) const {
    const variable input = t.input(self, 0);
    const tensor_view<const T> x = t.value(input), dy = t.gradient(self);
    const detail::patch_geometry g = geometry(x.shape);
    const index batch = x.shape[0], outputs = weight_.shape()[0];
    const gradient_slot<T> dx = t.claim_gradient(input);
    const bool need_weights = weight_.trainable || bias_.trainable;
    const matrix_view<const T> weights = weight_.value().matrix();

    // Runs of images share one partial sum. How many there are depends on shapes only: enough for 32 threads, fewer
    // where the partial sums would fill the memory.
    const index sum_size = weight_.size() + outputs;
    const index runs = std::min(batch, std::clamp<index>((index{1} << 22) / sum_size, 8, 32));
    const arena::position start = t.memory().mark();
    const index patch_size = g.rows() * g.columns();
    const int threads = t.threads(batch * patch_size);
    T* sums = t.memory().template take<T>(need_weights ? runs * sum_size : 0);
    T* scratch = t.memory().template take<T>(patch_size * threads);

    parallel_for(runs, threads, [&](index run, int thread) {
      T* sum = sums + run * sum_size;
      T* patches = scratch + thread * patch_size;
      const matrix_view<T> patch_matrix(patches, g.rows(), g.columns());
      if (need_weights) std::fill_n(sum, sum_size, T(0));
      for (index n = batch * run / runs; n < batch * (run + 1) / runs; ++n) {
        const matrix_view<const T> dy_n(dy.data + n * dy.shape.features(), outputs, g.columns());
        if (need_weights) {
          detail::gather_patches(g, x.data + n * x.shape.features(), patches);
          const matrix_view<T> dw(sum, outputs, g.rows());
          product(dy_n, transposed(matrix_view<const T>(patch_matrix)), dw, dw);
          for (index o = 0; o < outputs; ++o) sum[weight_.size() + o] += row_sum(dy_n.row(o), dy_n.columns);
        }
        if (dx) {
          T* dx_n = dx.view.data + n * x.shape.features();
          if (!dx.accumulate) std::fill_n(dx_n, x.shape.features(), T(0));
          product(transposed(weights), dy_n, patch_matrix);
          detail::scatter_patches(g, static_cast<const T*>(patches), dx_n);
        }
      }
    });
    for (index run = 0; run < runs && need_weights; ++run) {
      const T* sum = sums + run * sum_size;
      if (weight_.trainable) distill::detail::add_to(weight_.gradient().data, sum, weight_.size());
      if (bias_.trainable) distill::detail::add_to(bias_.gradient().data, sum + weight_.size(), outputs);
    }
    t.memory().rewind(start);
  }

  static T row_sum(const T* from, index count) {
    simd<T> sum(T(0));
    distill::detail::sweep<T>(
        count, [&](const simd<T>& v) DISTILL_LAMBDA_INLINE { sum += v; }, from);
    return static_cast<T>(distill::detail::reduce_sum<T>(sum));
  }

  conv2d_options options_;
  parameter<T> weight_;
  parameter<T> bias_;
};

}  // namespace nn
DISTILL_NAMESPACE_END
