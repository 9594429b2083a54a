// A loss with a calculation of its own as one node of the tape.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <tuple>
#include <utility>

#include "../config.hpp"
#include "../core/error.hpp"
#include "detail/known_gradients.hpp"
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
  constexpr std::size_t most = std::tuple_size_v<detail::known_gradients<T>>;
  if (inputs.size() < 1 || inputs.size() > most)
    fail("computed_loss: inputs has ", inputs.size(), " entries, 1 to ", most, " expected");
  const detail::known_gradients<T> known = detail::room_for_gradients(t, inputs);
  std::array<matrix_view<T>, std::tuple_size_v<detail::known_gradients<T>>> gradients{};
  for (std::size_t k = 0; k < known.size(); ++k)
    if (known[k]) gradients[k] = known[k].matrix();
  const double value = compute(std::as_const(gradients));
  detail::record_loss(t, static_cast<T>(value), inputs, known, static_cast<T>(weight));
  return value;
}

}  // namespace nn
DISTILL_NAMESPACE_END
