// Layers that do the same to every element.
#pragma once

#include <string>
#include <utility>

#include "../../config.hpp"
#include "../../core/lane.hpp"
#include "../../core/sweep.hpp"
#include "../layer.hpp"
#include "pieces.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn::detail {

/// y = f(x): `Formula` has value(x), which is f, and slope(x), which is f′, both over any lane. dx = dy · f′(x).
template <class Formula, class T>
variable elementwise(tape<T>& t, variable input) {
  constexpr index cost = 8;
  const tensor_view<const T> x = t.value(input);
  const tensor_view<T> y = t.allocate(x.shape);
  for_pieces(t, x.size(), cost, [&](index from, index size) {
    distill::detail::sweep<T>(
        size, [](simd<T>& to, const simd<T>& v) DISTILL_LAMBDA_INLINE { to = Formula::value(v); }, y.data + from,
        x.data + from);
  });
  return t.record(y, {input}, [](tape<T>& on, variable self) {
    const gradient_slot<T> slot = on.claim_gradient(on.input(self, 0));
    const T *v = on.value(on.input(self, 0)).data, *dy = on.gradient(self).data;
    for_pieces(on, slot.view.size(), cost, [&](index from, index size) {
      write_or_add(
          size, slot.accumulate,
          [](const simd<T>& at, const simd<T>& g) DISTILL_LAMBDA_INLINE { return g * Formula::slope(at); },
          slot.view.data + from, v + from, dy + from);
    });
  });
}

/// A layer that is nothing else.
template <class T, class Formula>
class elementwise_layer : public layer<T> {
 public:
  using layer<T>::layer;
  variable forward(tape<T>& t, variable input) const override { return elementwise<Formula>(t, input); }
};

/// x, but no further from 0 than `end`: a factor that has vanished by then meets no infinity. NaN stays NaN.
template <lane_type V>
DISTILL_HD DISTILL_INLINE V clamped(V x, lane_scalar<V> end) {
  const V low = lane<V>::select(x < V(-end), V(-end), x);
  return lane<V>::select(V(end) < low, V(end), low);
}

}  // namespace nn::detail
DISTILL_NAMESPACE_END
