// What a loss knows of its gradient by the time it is recorded, on its way back.
#pragma once

#include "../../config.hpp"
#include "../tape.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn::detail {

/// The gradient of `to` receives weight · gradient.
template <class T>
void hand_on(tape<T>& on, variable to, const tensor_view<T>& gradient, T weight) {
  const gradient_slot<T> slot = on.claim_gradient(to);
  T* const out = slot.view.data;
  for (index i = 0; i < gradient.size(); ++i) {
    const T g = weight * gradient.data[i];
    out[i] = slot.accumulate ? out[i] + g : g;
  }
}

}  // namespace nn::detail
DISTILL_NAMESPACE_END
