// One call of a convolution: forward over runs of images, and back.
#pragma once

#include <algorithm>
#include <concepts>

#include "../../config.hpp"
#include "../../core/sums.hpp"
#include "../../core/sweep.hpp"
#include "../tape.hpp"
#include "convolution_shape.hpp"
#include "patch_convolution.hpp"
#include "plane_convolution.hpp"
#include "rectify.hpp"
#include "winograd_convolution.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn::detail {

/// What the tape keeps of a convolution. Images run in parallel, a few at a time where that is faster; how one group of
/// a few images is computed is the business of the three ways.
template <class T>
struct convolution_pass {
  convolution_shape shape;
  index groups = 1;
  parameter_view<T> weight, bias;
  bool relu = false;

  void forward(tape<T>& t, const tensor_view<const T>& x, const tensor_view<T>& y) const {
    with_way([&](const auto& way) { forward(way, t, x, y); });
  }
  void backward(tape<T>& t, variable self) const {
    with_way([&](const auto& way) { backward(way, t, self); });
  }

 private:
  /// f(the way that suits the shape)
  template <class F>
  void with_way(const F& f) const {
    if constexpr (std::floating_point<T>) {
      if (winograd_convolution<T>::serves(shape)) return f(winograd_convolution<T>(shape));
      if (plane_convolution<T>::serves(shape)) return f(plane_convolution<T>(shape));
    }
    f(patch_convolution<T>(shape));
  }

  /// Whole lines, so that what follows begins at one.
  static index rounded(index size) { return (size + 15) / 16 * 16; }
  index in_size() const { return shape.inputs * shape.plane(); }
  index out_size() const { return shape.outputs * shape.out_plane(); }
  int threads(const tape<T>& t, index batch) const { return t.threads(batch * groups * in_size() * shape.taps()); }

  template <class Way>
  void forward(const Way& way, tape<T>& t, const tensor_view<const T>& x, const tensor_view<T>& y) const {
    const index batch = x.shape[0], step = way.images();
    const index prepared_size = rounded(way.prepared_size()), scratch_size = rounded(way.forward_scratch());
    const int most = threads(t, batch);
    const arena::position start = t.memory().mark();
    T* const prepared = t.memory().template take<T>(prepared_size * groups);
    T* const scratch = t.memory().template take<T>(scratch_size * most);
    parallel_for(groups, most, [&](index g, int) {
      way.prepare_forward(weight.value + g * shape.weights(), prepared + g * prepared_size);
    });
    parallel_for((batch + step - 1) / step, most, [&](index chunk, int thread) {
      const index n = chunk * step, count = std::min(step, batch - n);
      for (index g = 0; g < groups; ++g)
        way.forward(prepared + g * prepared_size, bias.value == nullptr ? nullptr : bias.value + g * shape.outputs,
                    run(x.data, n, count, g, in_size()), run(y.data, n, count, g, out_size()),
                    scratch + thread * scratch_size);
      T* const values = y.data + n * groups * out_size();
      if (relu) rectify(count * groups * out_size(), values, values);
    });
    t.memory().rewind(start);
  }

  template <class Way>
  void backward(const Way& way, tape<T>& t, variable self) const {
    const variable input = t.input(self, 0);
    const tensor_view<const T> x = t.value(input), y = t.value(self), dy = t.gradient(self);
    const gradient_slot<T> dx = t.claim_gradient(input);
    const index batch = x.shape[0], outputs = groups * shape.outputs;

    // Runs of images share one partial sum. How many there are depends on shapes only: enough for 32 threads, fewer
    // where the partial sums would fill the caches.
    const index group_sums = weight.gradient == nullptr ? 0 : rounded(way.sum_size());
    const index bias_sums = bias.gradient == nullptr ? 0 : rounded(outputs);
    const index sums_size = groups * group_sums + bias_sums;
    const index affordable = std::clamp<index>((index{1} << 20) / std::max<index>(1, sums_size), 8, 32);
    const index runs = std::clamp<index>(batch, 1, affordable);
    const index prepared_size = dx ? rounded(way.prepared_size()) : 0;
    const index passed_size = relu ? rounded(way.images() * groups * out_size()) : 0;
    const index scratch_size = rounded(way.backward_scratch()) + passed_size;
    const int most = threads(t, batch);
    const arena::position start = t.memory().mark();
    T* const prepared = t.memory().template take<T>(prepared_size * groups);
    T* const sums = t.memory().template take<T>(sums_size * runs);
    T* const scratch = t.memory().template take<T>(scratch_size * most);
    if (dx)
      parallel_for(groups, most, [&](index g, int) {
        way.prepare_backward(weight.value + g * shape.weights(), prepared + g * prepared_size);
      });

    parallel_for(runs, most, [&](index which, int thread) {
      T* const sum = sums + which * sums_size;
      T* const passed = scratch + thread * scratch_size;
      std::fill_n(sum, sums_size, T(0));
      const index end = batch * (which + 1) / runs;
      for (index n = batch * which / runs; n < end; n += way.images()) {
        const index count = std::min(way.images(), end - n), first = n * groups * out_size();
        const T* gradient = dy.data + first;
        if (relu) {
          rectify(count * groups * out_size(), y.data + first, gradient, passed);
          gradient = passed;
        }
        for (index g = 0; g < groups; ++g)
          way.backward(prepared + g * prepared_size, run(x.data, n, count, g, in_size()),
                       run(gradient, 0, count, g, out_size()),
                       dx ? run(dx.view.data, n, count, g, in_size()) : image_run<T>(), dx.accumulate,
                       group_sums == 0 ? nullptr : sum + g * group_sums, passed + passed_size);
        for (index plane = 0; plane < count * outputs && bias_sums > 0; ++plane)
          sum[groups * group_sums + plane % outputs] +=
              static_cast<T>(distill::detail::sum(gradient + plane * shape.out_plane(), shape.out_plane()));
      }
    });
    for (index which = 1; which < runs; ++which)
      distill::detail::add_to(sums, static_cast<const T*>(sums + which * sums_size), sums_size);
    for (index g = 0; g < groups && group_sums > 0; ++g)
      way.add_weight_gradient(sums + g * group_sums, weight.gradient + g * shape.weights());
    if (bias_sums > 0)
      distill::detail::add_to(bias.gradient, static_cast<const T*>(sums + groups * group_sums), outputs);
    t.memory().rewind(start);
  }

  /// The planes of group g of images [first, first + count), `size` elements of each.
  template <class U>
  image_run<U> run(U* images, index first, index count, index g, index size) const {
    return {images + (first * groups + g) * size, count, groups * size};
  }
};

}  // namespace nn::detail
DISTILL_NAMESPACE_END
