// A loss that knows its gradients by the time it is recorded.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>

#include "../../config.hpp"
#include "../tape.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn::detail {

/// Of the inputs of a loss, in their order; empty where none is wanted.
template <class T>
using known_gradients = std::array<tensor_view<T>, 2>;

/// Room for the gradients of the inputs that need one.
template <class T>
known_gradients<T> room_for_gradients(tape<T>& t, std::initializer_list<variable> inputs) {
  known_gradients<T> result{};
  std::size_t which = 0;
  for (const variable v : inputs) {
    if (t.needs_gradient(v)) result[which] = t.allocate(t.shape(v));
    ++which;
  }
  return result;
}

/// Records the loss; the gradient of each input receives weight · gradient.
template <class T>
void record_loss(tape<T>& t, T value, std::initializer_list<variable> inputs, const known_gradients<T>& gradients) {
  t.record_loss(value, inputs, [gradients](tape<T>& on, variable self) {
    const T weight = *on.gradient(self).data;
    for (std::size_t k = 0; k < gradients.size(); ++k) {
      if (!gradients[k]) continue;
      const gradient_slot<T> slot = on.claim_gradient(on.input(self, k));
      T* const out = slot.view.data;
      for (index i = 0; i < slot.view.size(); ++i) {
        const T g = weight * gradients[k].data[i];
        out[i] = slot.accumulate ? out[i] + g : g;
      }
    }
  });
}

}  // namespace nn::detail
DISTILL_NAMESPACE_END
