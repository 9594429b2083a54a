// Activations that are left out at random while a network learns.
#pragma once

#include <cstdint>
#include <string>

#include "../config.hpp"
#include "../core/random.hpp"
#include "detail/drop_mask.hpp"
#include "layer.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// While the tape is training: y = x ⊙ m with m = 0 with probability p and 1/(1 − p) otherwise, any shape; dx = dy ⊙ m.
/// Otherwise y is x itself. Source: N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov, "Dropout",
/// JMLR 15 (2014), scaled while learning instead of afterwards.
///
/// m is a function of the seed, the tape's noise number and the element's position, with p in steps of 2⁻³²: whoever
/// repeats a step meets the same mask, on any number of threads. Two layers want two seeds; the same layer twice in a
/// step has one mask. An element that is left out is x · 0, so NaN and infinities are not hidden.
template <class T>
class dropout : public layer<T> {
 public:
  /// @throws argument_error  p outside [0, 1)
  dropout(double p, std::uint64_t seed) : layer<T>("dropout(" + distill::detail::text(p) + ")"), p_(p), seed_(seed) {
    if (!(p >= 0 && p < 1)) fail("dropout: p is ", p, ", 0 ≤ p < 1 expected");
  }

  variable forward(tape<T>& t, variable input) const override {
    if (!t.training() || p_ == 0) return input;
    constexpr index cost = 4;
    const detail::drop_mask mask(p_, random_stream(seed_, t.noise()));
    const tensor_view<const T> x = t.value(input);
    const tensor_view<T> y = t.allocate(x.shape);
    detail::for_pieces(t, x.size(), cost,
                       [&](index from, index size) { mask.apply(x.data + from, from, size, y.data + from, false); });
    return t.record(y, {input}, [mask](tape<T>& on, variable self) {
      const gradient_slot<T> dx = on.claim_gradient(on.input(self, 0));
      const T* dy = on.gradient(self).data;
      detail::for_pieces(on, dx.view.size(), cost, [&](index from, index size) {
        mask.apply(dy + from, from, size, dx.view.data + from, dx.accumulate);
      });
    });
  }

 private:
  double p_;
  std::uint64_t seed_;
};

}  // namespace nn
DISTILL_NAMESPACE_END
