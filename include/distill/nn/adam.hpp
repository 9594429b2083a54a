// Adam.
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
  double weight_decay = 0;  ///< added to the gradient; adamw is the optimiser that keeps them apart
};

/// Step t = 1, 2, …:
///
///     g ← gradient + weight_decay · θ
///     m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²          (both start at 0)
///     θ ← θ − rate · m̂ / (√v̂ + ε),  m̂ = m / (1 − β₁ᵗ),  v̂ = v / (1 − β₂ᵗ)
///
/// t counts the steps of the optimiser: a parameter that is unfrozen late begins with m = v = 0, but with the t of all.
/// source: D. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1.
template <class T>
class adam {
 public:
  /// @throws argument_error  a beta outside [0, 1), epsilon or weight_decay negative
  explicit adam(adam_options options = {}) : adam("adam", options) { coupled_ = true; }

  /// Changes the trainable parameters by their gradients, which stay as they are. Pass the same list at every step.
  void step(const std::vector<parameter<T>*>& parameters, double learning_rate, execution resources = {}) {
    const double power1 = beta1_power_ * options_.beta1, power2 = beta2_power_ * options_.beta2;
    // m̂ and v̂ are never formed: their divisors move into the rate and under the root.
    const simd<T> rate(static_cast<T>(-learning_rate / (1 - power1))), root(static_cast<T>(1 / std::sqrt(1 - power2))),
        epsilon(static_cast<T>(options_.epsilon)), decay(static_cast<T>(coupled_ ? options_.weight_decay : 0)),
        keep(static_cast<T>(coupled_ ? 1 : 1 - learning_rate * options_.weight_decay)),
        beta1(static_cast<T>(options_.beta1)), beta2(static_cast<T>(options_.beta2)),
        rest1(static_cast<T>(1 - options_.beta1)), rest2(static_cast<T>(1 - options_.beta2));
    using ops = lane<simd<T>>;
    state_.for_each_piece(name_, parameters, resources, [&](index size, T* value, const T* gradient, T* m, T* v) {
      distill::detail::sweep<T>(
          size,
          [&](simd<T>& x, const simd<T>& g, simd<T>& first, simd<T>& second) DISTILL_LAMBDA_INLINE {
            const simd<T> full = ops::fma(decay, x, g);
            first = ops::fma(beta1, first, rest1 * full);
            second = ops::fma(beta2, second, rest2 * full * full);
            x = ops::fma(rate, first / ops::fma(root, sqrt(second), epsilon), keep * x);
          },
          value, gradient, m, v);
    });
    ++steps_;
    beta1_power_ = power1;
    beta2_power_ = power2;
  }

  index steps() const { return steps_; }

  /// See optimiser_memory.hpp.
  template <memory_visitor<T> Visitor>
  void visit_memory(const std::vector<parameter<T>*>& parameters, Visitor&& visit) {
    visit("steps", steps_);
    visit("beta1_power", beta1_power_);
    visit("beta2_power", beta2_power_);
    state_.visit(name_, parameters, {"m", "v"}, visit);
  }

 protected:
  /// With the decay kept apart from the gradient.
  adam(const char* name, const adam_options& options) : name_(name), options_(options) {
    if (!(options.beta1 >= 0 && options.beta1 < 1)) fail(name, ": beta1 is ", options.beta1, ", [0, 1) expected");
    if (!(options.beta2 >= 0 && options.beta2 < 1)) fail(name, ": beta2 is ", options.beta2, ", [0, 1) expected");
    if (!(options.epsilon >= 0)) fail(name, ": epsilon is ", options.epsilon, ", at least 0 expected");
    if (!(options.weight_decay >= 0)) fail(name, ": weight_decay is ", options.weight_decay, ", at least 0 expected");
  }

 private:
  const char* name_;
  adam_options options_;
  bool coupled_ = false;
  index steps_ = 0;
  double beta1_power_ = 1;
  double beta2_power_ = 1;
  detail::optimiser_state<T, 2> state_;
};

}  // namespace nn
DISTILL_NAMESPACE_END
