// Fully connected network.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "../../config.hpp"
#include "../linear.hpp"
#include "../network.hpp"
#include "../relu.hpp"
#include "../sequential.hpp"
#include "detail/seeds.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// Widths from input to output. second_outputs above 0 adds a second head on the last hidden layer.
struct mlp_options {
  index inputs = 784;
  std::vector<index> hidden = {256, 128};
  index outputs = 10;
  index second_outputs = 0;
  std::uint64_t seed = 0;
};

/// A stage (linear, relu) for each hidden width, then a linear head. Samples are flattened.
/// @throws argument_error  a width below 1, no hidden one
template <class T>
network<T> mlp(const mlp_options& options = {}) {
  if (options.hidden.empty()) fail("mlp: hidden has ", 0, " widths, at least 1 expected");
  detail::seeds seeds(options.seed);
  network<T> result("mlp");
  index width = options.inputs;
  for (const index next : options.hidden) {
    sequential<T> stage;
    stage.add("linear", linear<T>(width, next, seeds.next()));
    stage.add("relu", relu<T>());
    result.add_stage("stage" + std::to_string(result.stages() + 1), std::move(stage));
    width = next;
  }
  result.set_head(linear<T>(width, options.outputs, seeds.next(), initialisation::xavier_uniform));
  if (options.second_outputs > 0)
    result.set_second_head(linear<T>(width, options.second_outputs, seeds.next(), initialisation::xavier_uniform));
  return result;
}

}  // namespace nn
DISTILL_NAMESPACE_END
