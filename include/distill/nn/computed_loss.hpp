// A loss with a calculation of its own as one node of the tape.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <utility>

#include "../config.hpp"
#include "../core/error.hpp"
#include "gradient_slot.hpp"
#include "tape.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// Records weight · value and returns the value, where `compute` returns the value and at once fills its gradients: a
/// matrix of batch × … for each input, empty where none is wanted. For methods, whose calls take more than logits or
/// features:
///
///     const double value = nn::computed_loss(tape, {feature}, [&](const auto& to) {
///       return value_and_gradient(norm_direction{}, {tape.value(feature).matrix(), …}, {.student = to[0]}, …);
///     });
///
/// @throws argument_error  no input or more than four, what `compute` throws
template <class T, class Compute>
double computed_loss(tape<T>& t, std::initializer_list<variable> inputs, const Compute& compute, double weight = 1) {
  constexpr std::size_t most = 4;
  if (inputs.size() < 1 || inputs.size() > most)
    fail("computed_loss: inputs has ", inputs.size(), " entries, 1 to ", most, " expected");
  std::array<T*, most> known{};
  std::array<matrix_view<T>, most> gradients{};
  std::size_t which = 0;
  for (const variable v : inputs) {
    if (t.needs_gradient(v)) {
      const tensor_view<T> room = t.allocate(t.shape(v));
      known[which] = room.data;
      gradients[which] = room.matrix();
    }
    ++which;
  }
  const double value = compute(std::as_const(gradients));
  const T factor = static_cast<T>(weight);
  t.record_loss(static_cast<T>(weight * value), inputs, [known, factor](tape<T>& on, variable self) {
    const T scale = factor * *on.gradient(self).data;
    for (std::size_t k = 0; k < known.size(); ++k) {
      if (known[k] == nullptr) continue;
      const gradient_slot<T> slot = on.claim_gradient(on.input(self, k));
      for (index i = 0; i < slot.view.size(); ++i) {
        const T g = scale * known[k][i];
        slot.view.data[i] = slot.accumulate ? slot.view.data[i] + g : g;
      }
    }
  });
  return value;
}

}  // namespace nn
DISTILL_NAMESPACE_END
