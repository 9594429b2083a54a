// Adam, and AdamW with a weight decay.
#pragma once

#include <cmath>
#include <vector>

#include "../config.hpp"
#include "detail/optimiser_state.hpp"
#include "optimiser_memory.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

struct adam_options {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;  ///< decoupled: AdamW
};

/// Step t = 1, 2, …:
///
///     m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²                      (both start at 0)
///     θ ← θ − rate · weight_decay · θ − rate · m̂ / (√v̂ + ε),  m̂ = m / (1 − β₁ᵗ),  v̂ = v / (1 − β₂ᵗ)
///
/// sources: D. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1; I. Loshchilov,
/// F. Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2.
template <class T>
class adam {
 public:
  /// @throws argument_error  a beta outside [0, 1), epsilon or weight_decay negative
  explicit adam(adam_options options = {}) : options_(options) {
    if (!(options.beta1 >= 0 && options.beta1 < 1)) fail("adam: beta1 is ", options.beta1, ", [0, 1) expected");
    if (!(options.beta2 >= 0 && options.beta2 < 1)) fail("adam: beta2 is ", options.beta2, ", [0, 1) expected");
    if (!(options.epsilon >= 0)) fail("adam: epsilon is ", options.epsilon, ", at least 0 expected");
    if (!(options.weight_decay >= 0)) fail("adam: weight_decay is ", options.weight_decay, ", at least 0 expected");
  }

  /// Changes the trainable parameters by their gradients, which stay as they are. Pass the same list at every step.
  void step(const std::vector<parameter<T>*>& parameters, double learning_rate, execution resources = {}) {
    ++steps_;
    beta1_power_ *= options_.beta1;
    beta2_power_ *= options_.beta2;
    // m̂ and v̂ are never formed: their divisors move into the rate and under the root.
    const simd<T> rate(static_cast<T>(-learning_rate / (1 - beta1_power_))),
        root(static_cast<T>(1 / std::sqrt(1 - beta2_power_))), epsilon(static_cast<T>(options_.epsilon)),
        keep(static_cast<T>(1 - learning_rate * options_.weight_decay)), beta1(static_cast<T>(options_.beta1)),
        beta2(static_cast<T>(options_.beta2)), rest1(static_cast<T>(1 - options_.beta1)),
        rest2(static_cast<T>(1 - options_.beta2));
    using ops = lane<simd<T>>;
    state_.for_each_piece("adam", parameters, resources, [&](index size, T* value, const T* gradient, T* m, T* v) {
      distill::detail::sweep<T>(
          size,
          [&](simd<T>& x, const simd<T>& g, simd<T>& first, simd<T>& second) DISTILL_LAMBDA_INLINE {
            first = ops::fma(beta1, first, rest1 * g);
            second = ops::fma(beta2, second, rest2 * g * g);
            x = ops::fma(rate, first / ops::fma(root, sqrt(second), epsilon), keep * x);
          },
          value, gradient, m, v);
    });
  }

  index steps() const { return steps_; }

  /// See optimiser_memory.hpp.
  template <memory_visitor<T> Visitor>
  void visit_memory(const std::vector<parameter<T>*>& parameters, Visitor&& visit) {
    visit("steps", steps_);
    visit("beta1_power", beta1_power_);
    visit("beta2_power", beta2_power_);
    state_.visit("adam", parameters, {"m", "v"}, visit);
  }

 private:
  adam_options options_;
  index steps_ = 0;
  double beta1_power_ = 1;
  double beta2_power_ = 1;
  detail::optimiser_state<T, 2> state_;
};

}  // namespace nn
DISTILL_NAMESPACE_END
