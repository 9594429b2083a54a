// A loss that knows its gradients by the time it is recorded.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <tuple>

#include "../../config.hpp"
#include "../tape.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn::detail {

/// Of the inputs of a loss, in their order; empty where none is wanted.
template <class T>
using known_gradients = std::array<tensor_view<T>, 4>;

/// Room for the gradients of the inputs that need one, of four at most.
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

/// Records weight · value; each input receives weight · its gradient, and what is upstream of the loss.
template <class T>
void record_loss(tape<T>& t, T value, std::initializer_list<variable> inputs, const known_gradients<T>& gradients,
                 T weight = 1) {
  std::array<const T*, std::tuple_size_v<known_gradients<T>>> known{};
  for (std::size_t k = 0; k < known.size(); ++k) known[k] = gradients[k].data;
  t.record_loss(weight * value, inputs, [known, weight](tape<T>& on, variable self) {
    const T factor = weight * *on.gradient(self).data;
    for (std::size_t k = 0; k < known.size(); ++k) {
      if (known[k] == nullptr) continue;
      const gradient_slot<T> slot = on.claim_gradient(on.input(self, k));
      T* const out = slot.view.data;
      for (index i = 0; i < slot.view.size(); ++i) {
        const T g = factor * known[k][i];
        out[i] = slot.accumulate ? out[i] + g : g;
      }
    }
  });
}

}  // namespace nn::detail
DISTILL_NAMESPACE_END
