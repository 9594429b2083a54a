// Mean and variance over the planes of one channel.
#pragma once

#include <algorithm>

#include "../../config.hpp"
#include "../../core/simd.hpp"
#include "../../core/sums.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn::detail {

/// Where the planes of a channel lie: `size` elements each, one plane for every item of the batch.
struct channel_planes {
  index batch = 0, channels = 0, size = 0;

  index count() const { return batch * size; }
  index total() const { return batch * channels * size; }
  /// f(offset) for each plane of channel c.
  template <class F>
  DISTILL_INLINE void for_each(index c, const F& f) const {
    for (index n = 0; n < batch; ++n) f((n * channels + c) * size);
  }
};

/// add(first, second, batch of each array) for all of [0, size), what it adds up to is added to first and second. Lanes
/// beyond the end read `absent` of x and 0 of the others: nothing may come of them. Lanes are emptied into double every
/// 64 batches.
template <class T, class Add, class... Other>
DISTILL_INLINE void add_two_sums(index size, wide<T>& first, wide<T>& second, const Add& add, T absent, const T* x,
                                 const Other*... others) {
  constexpr index width = lane<simd<T>>::width, run = 64 * width;
  for (index i = 0; i < size;) {
    simd<T> a(T(0)), b(T(0));
    const index end = std::min(size, i + run);
    for (; i + width <= end; i += width)
      add(a, b, simd<T>::load_unaligned(x + i), simd<T>::load_unaligned(others + i)...);
    if (i < end) {
      add(a, b, distill::detail::load_partial<T>(x + i, end - i, absent),
          distill::detail::load_partial<T>(others + i, end - i, T(0))...);
      i = end;
    }
    first += distill::detail::reduce_sum<T>(a);
    second += distill::detail::reduce_sum<T>(b);
  }
}

/// Mean and variance (divided by the count). The mean in two parts, a T and what it lacks: differences to `shift` keep
/// their digits however far from zero the values lie.
template <class T>
struct channel_moments {
  T shift = 0;
  wide<T> rest = 0, variance = 0;

  wide<T> mean() const { return static_cast<wide<T>>(shift) + rest; }

  /// Two passes: the second one, over differences to the mean, corrects the first.
  static channel_moments of(const channel_planes& p, const T* x, index c) {
    const auto count = static_cast<double>(p.count());
    wide<T> sum = 0, difference = 0, square = 0;
    p.for_each(c, [&](index at) { sum += distill::detail::sum(x + at, p.size); });
    const T shift = static_cast<T>(sum / count);
    const auto add = [s = simd<T>(shift)](simd<T>& a, simd<T>& b, const simd<T>& v) DISTILL_LAMBDA_INLINE {
      const simd<T> d = v - s;
      a += d;
      b = lane<simd<T>>::fma(d, d, b);
    };
    p.for_each(c, [&](index at) { add_two_sums<T>(p.size, difference, square, add, shift, x + at); });
    channel_moments m;
    m.shift = shift;
    m.rest = difference / count;
    m.variance = (square - difference * m.rest) / count;
    return m;
  }
};

}  // namespace nn::detail
DISTILL_NAMESPACE_END
