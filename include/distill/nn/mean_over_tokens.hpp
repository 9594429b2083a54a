// One vector for a sequence.
#pragma once

#include <algorithm>

#include "../config.hpp"
#include "../core/sweep.hpp"
#include "detail/pieces.hpp"
#include "layer.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// batch × tokens × width becomes batch × width: the mean over the tokens, summed in their order.
template <class T>
class mean_over_tokens : public layer<T> {
 public:
  mean_over_tokens() : layer<T>("mean_over_tokens") {}

  /// @throws argument_error  another rank, no tokens
  variable forward(tape<T>& t, variable input) const override {
    const tensor_view<const T> x = t.value(input);
    if (x.shape.rank() != 3 || x.shape[1] < 1) this->fail_shape(x.shape, "batch×tokens×width");
    const index tokens = x.shape[1], width = x.shape[2];
    const tensor_view<T> y = t.allocate({x.shape[0], width});
    const T share = static_cast<T>(1 / static_cast<double>(tokens));
    parallel_for(x.shape[0], t.threads(x.size()), [&](index n, int) {
      T* to = y.data + n * width;
      std::fill_n(to, width, T(0));
      for (index i = 0; i < tokens; ++i) distill::detail::add_to(to, x.data + (n * tokens + i) * width, width);
      distill::detail::sweep<T>(
          width, [f = simd<T>(share)](simd<T>& v) DISTILL_LAMBDA_INLINE { v = v * f; }, to);
    });
    return t.record(y, {input}, [=](tape<T>& on, variable self) {
      const gradient_slot<T> slot = on.claim_gradient(on.input(self, 0));
      const T* dy = on.gradient(self).data;
      parallel_for(slot.view.shape[0], on.threads(slot.view.size()), [&](index n, int) {
        for (index i = 0; i < tokens; ++i)
          detail::write_or_add(
              width, slot.accumulate, [f = simd<T>(share)](const simd<T>& g) DISTILL_LAMBDA_INLINE { return g * f; },
              slot.view.data + (n * tokens + i) * width, dy + n * width);
      });
    });
  }
};

}  // namespace nn
DISTILL_NAMESPACE_END
