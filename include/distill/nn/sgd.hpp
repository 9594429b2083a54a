// Stochastic gradient descent.
#pragma once

#include <vector>

#include "../config.hpp"
#include "detail/optimiser_state.hpp"
#include "optimiser_memory.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

struct sgd_options {
  double momentum = 0;
  double weight_decay = 0;
  bool nesterov = false;
};

/// Heavy-ball or Nesterov momentum with L2 regularisation:
///
///     g ← gradient + weight_decay · θ
///     v ← momentum · v + g              (v starts at 0)
///     θ ← θ − rate · (nesterov ? g + momentum · v : v)
///
/// source: I. Sutskever, J. Martens, G. Dahl, G. Hinton, "On the importance of initialization and momentum in deep
/// learning", ICML 2013, with the rate outside v, so that a schedule acts at once.
template <class T>
class sgd {
 public:
  /// @throws argument_error  momentum outside [0, 1), negative weight_decay, nesterov without momentum
  explicit sgd(sgd_options options = {}) : options_(options) {
    if (!(options.momentum >= 0 && options.momentum < 1))
      fail("sgd: momentum is ", options.momentum, ", [0, 1) expected");
    if (!(options.weight_decay >= 0)) fail("sgd: weight_decay is ", options.weight_decay, ", at least 0 expected");
    if (options.nesterov && options.momentum == 0) fail("sgd: nesterov needs a momentum above 0, it is ", 0);
  }

  /// Changes the trainable parameters by their gradients, which stay as they are. Pass the same list at every step.
  void step(const std::vector<parameter<T>*>& parameters, double learning_rate, execution resources = {}) {
    const simd<T> rate(static_cast<T>(-learning_rate)), momentum(static_cast<T>(options_.momentum)),
        decay(static_cast<T>(options_.weight_decay));
    using ops = lane<simd<T>>;
    state_.for_each_piece("sgd", parameters, resources, [&](index size, T* value, const T* gradient, T* velocity) {
      if (options_.momentum == 0)
        distill::detail::sweep<T>(
            size,
            [&](simd<T>& x, const simd<T>& g) DISTILL_LAMBDA_INLINE { x = ops::fma(rate, ops::fma(decay, x, g), x); },
            value, gradient);
      else
        distill::detail::sweep<T>(
            size,
            [&](simd<T>& x, const simd<T>& g, simd<T>& v) DISTILL_LAMBDA_INLINE {
              const simd<T> full = ops::fma(decay, x, g);
              v = ops::fma(momentum, v, full);
              x = ops::fma(rate, options_.nesterov ? ops::fma(momentum, v, full) : v, x);
            },
            value, gradient, velocity);
    });
  }

  /// See optimiser_memory.hpp.
  template <memory_visitor<T> Visitor>
  void visit_memory(const std::vector<parameter<T>*>& parameters, Visitor&& visit) {
    state_.visit("sgd", parameters, {"velocity"}, visit);
  }

 private:
  sgd_options options_;
  detail::optimiser_state<T, 1> state_;
};

}  // namespace nn
DISTILL_NAMESPACE_END
