// Adam with a weight decay that leaves the gradient alone.
#pragma once

#include "../config.hpp"
#include "adam.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

struct adamw_options {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.01;
};

/// adam's step after the weights have shrunk by themselves; m and v see the gradient alone:
///
///     θ ← (1 − rate · weight_decay) θ − rate · m̂ / (√v̂ + ε)
///
/// source: I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2, with the rate in
/// front of the decay, as PyTorch's AdamW has it.
template <class T>
class adamw : public adam<T> {
 public:
  /// @throws argument_error  a beta outside [0, 1), epsilon or weight_decay negative
  explicit adamw(adamw_options options = {})
      : adam<T>("adamw", {options.beta1, options.beta2, options.epsilon, options.weight_decay}) {}
};

}  // namespace nn
DISTILL_NAMESPACE_END
