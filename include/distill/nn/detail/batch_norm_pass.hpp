// One call of a batch norm: the normalisation of each channel, and back.
#pragma once

#include "../../config.hpp"
#include "../../core/parallel.hpp"
#include "../../core/sweep.hpp"
#include "../tape.hpp"
#include "channel_moments.hpp"
#include "pieces.hpp"
#include "rectify.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn::detail {

/// x̂ = (x − shift) · scale + offset.
template <class T>
struct normaliser {
  T shift, scale, offset;
};

/// What the tape keeps of a batch norm.
template <class T>
struct batch_norm_pass {
  channel_planes planes;
  const T* x = nullptr;
  normaliser<T>* normalisers = nullptr;
  parameter_view<T> weight, bias;
  bool training = true, relu = false;

  /// Writes to `to`; the normaliser of channel c is of(what is swept over, its values, c).
  template <class Of>
  void forward(tape<T>& t, const T* values, T* to, const Of& of) {
    normalisers = t.memory().template take<normaliser<T>>(planes.channels);
    x = turned() ? turn(t, values) : values;
    const arena::position start = t.memory().mark();
    T* const y = turned() ? t.memory().template take<T>(planes.total()) : to;
    const channel_planes p = lines();
    parallel_for(p.channels, t.threads(p.total()), [&](index c, int) {
      normalisers[c] = of(p, x, c);
      const affine f = function(c);
      p.for_each(c, [&](index at) { normalise(f, p.size, x + at, y + at); });
    });
    if (turned()) transpose_or_add(y, planes.channels, planes.batch, to, false);
    t.memory().rewind(start);
  }

  /// With g = dy (where the ReLU lets it pass), n values a channel and x̂ normalised:
  ///     db = Σ g,  dw = Σ g x̂,  dx = w/√(σ² + ε) · (g − db/n − x̂ dw/n)
  /// the last two terms only where the statistics were the batch's.
  void backward(tape<T>& t, variable self) const {
    const variable input = t.input(self, 0);
    const gradient_slot<T> slot = t.claim_gradient(input);
    const tensor_view<const T> given = t.gradient(self);
    const arena::position start = t.memory().mark();
    const T* dy = turned() ? turn(t, given.data) : given.data;
    T* dx = slot.view.data;
    if (turned() && slot) dx = t.memory().template take<T>(planes.total());
    const bool accumulate = slot.accumulate && !turned();
    const channel_planes p = lines();
    parallel_for(p.channels, t.threads(p.total()), [&](index c, int) {
      if (relu)
        backward_channel<true>(p, c, dy, dx, accumulate);
      else
        backward_channel<false>(p, c, dy, dx, accumulate);
    });
    if (turned() && slot) transpose_or_add<T>(dx, planes.channels, planes.batch, slot.view.data, slot.accumulate);
    t.memory().rewind(start);
  }

 private:
  /// Rows of one value for each channel are swept over as one plane for each channel.
  bool turned() const { return planes.size == 1 && planes.batch > 1; }
  channel_planes lines() const { return turned() ? channel_planes{1, planes.channels, planes.batch} : planes; }
  T* turn(tape<T>& t, const T* rows) const {
    T* const columns = t.memory().template take<T>(planes.total());
    transpose_or_add(rows, planes.batch, planes.channels, columns, false);
    return columns;
  }

  /// The function of one channel, for vectors.
  struct affine {
    simd<T> shift, scale, offset, weight, bias;
    DISTILL_INLINE simd<T> normal(const simd<T>& v) const { return lane<simd<T>>::fma(v - shift, scale, offset); }
    DISTILL_INLINE simd<T> value(const simd<T>& v) const { return lane<simd<T>>::fma(normal(v), weight, bias); }
    /// dy where the ReLU lets it pass.
    DISTILL_INLINE simd<T> passed(const simd<T>& v, const simd<T>& dy) const {
      return rectified<simd<T>>(value(v), dy);
    }
  };
  affine function(index c) const {
    const normaliser<T>& s = normalisers[c];
    return {simd<T>(s.shift), simd<T>(s.scale), simd<T>(s.offset),
            simd<T>(weight.value == nullptr ? T(1) : weight.value[c]),
            simd<T>(bias.value == nullptr ? T(0) : bias.value[c])};
  }

  void normalise(const affine& f, index size, const T* from, T* to) const {
    if (relu)
      distill::detail::sweep<T>(
          size, [&](simd<T>& y, const simd<T>& v) DISTILL_LAMBDA_INLINE { y = f.passed(v, f.value(v)); }, to, from);
    else
      distill::detail::sweep<T>(
          size, [&](simd<T>& y, const simd<T>& v) DISTILL_LAMBDA_INLINE { y = f.value(v); }, to, from);
  }

  template <bool Relu>
  void backward_channel(const channel_planes& p, index c, const T* dy, T* dx, bool accumulate) const {
    using ops = lane<simd<T>>;
    const affine f = function(c);
    wide<T> sum = 0, product = 0;
    const auto add = [&](simd<T>& a, simd<T>& b, const simd<T>& v, const simd<T>& d) DISTILL_LAMBDA_INLINE {
      const simd<T> g = Relu ? f.passed(v, d) : d;
      a += g;
      b = ops::fma(g, f.normal(v), b);
    };
    if (training || weight.gradient != nullptr || bias.gradient != nullptr)
      p.for_each(c,
                 [&](index at) { add_two_sums<T>(p.size, sum, product, add, normalisers[c].shift, x + at, dy + at); });
    if (weight.gradient != nullptr) weight.gradient[c] += static_cast<T>(product);
    if (bias.gradient != nullptr) bias.gradient[c] += static_cast<T>(sum);
    if (dx == nullptr) return;
    const wide<T> share = training ? 1.0 / static_cast<double>(p.count()) : 0.0;
    const simd<T> mean(static_cast<T>(sum * share)), slope(static_cast<T>(product * share)), scale = f.scale * f.weight;
    const auto to_input = [&](const simd<T>& v, const simd<T>& d) DISTILL_LAMBDA_INLINE {
      const simd<T> g = Relu ? f.passed(v, d) : d;
      return scale * (g - mean - f.normal(v) * slope);
    };
    p.for_each(c, [&](index at) { write_or_add(p.size, accumulate, to_input, dx + at, x + at, dy + at); });
  }
};

}  // namespace nn::detail
DISTILL_NAMESPACE_END
