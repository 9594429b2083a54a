// Gradients that are too long for a step.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "detail/ordered_sums.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// Scales all gradients of the trainable parameters together so that their common Euclidean norm is at most
/// `largest_norm`, and returns the norm that they had:
///
///     ‖g‖ = √Σ g²,    g ← g · min(1, largest_norm / (‖g‖ + 10⁻⁶))
///
/// The sum is taken in double and is the same for any thread count. A norm that is NaN or infinite is returned and
/// nothing is changed, so that one bad batch can be left out: `if (std::isfinite(clip_gradients(…)))
/// optimiser.step(…)`. source: R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of training recurrent neural
/// networks", ICML 2013, algorithm 1; the 10⁻⁶ as PyTorch's clip_grad_norm_ has it.
/// @throws argument_error  largest_norm that is not positive
template <class T>
double clip_gradients(const std::vector<parameter<T>*>& parameters, double largest_norm, execution resources = {}) {
  if (!(largest_norm > 0)) fail("clip_gradients: largest_norm is ", largest_norm, ", above 0 expected");
  const auto squares = detail::ordered_sums<1>(parameters, resources, [&](std::size_t k, index i) {
    const double g = static_cast<double>(parameters[k]->gradient().data[i]);
    return std::array<double, 1>{g * g};
  });
  const double norm = std::sqrt(squares[0]), factor = largest_norm / (norm + 1e-6);
  if (!std::isfinite(norm) || factor >= 1) return norm;
  for (const parameter<T>* p : parameters)
    if (p->trainable)
      distill::detail::for_sweep_pieces(p->size(), resources, [&](index from, index size) {
        distill::detail::sweep<T>(
            size, [f = simd<T>(static_cast<T>(factor))](simd<T>& g) DISTILL_LAMBDA_INLINE { g *= f; },
            p->gradient().data + from);
      });
  return norm;
}

/// Brings every element of the trainable parameters' gradients into [−largest, largest]. NaN stays NaN.
/// @throws argument_error  largest that is not positive
template <class T>
void clip_gradient_values(const std::vector<parameter<T>*>& parameters, double largest) {
  if (!(largest > 0)) fail("clip_gradient_values: largest is ", largest, ", above 0 expected");
  const T bound = static_cast<T>(largest);
  for (const parameter<T>* p : parameters)
    for (index i = 0; p->trainable && i < p->size(); ++i) {
      T& g = p->gradient().data[i];
      g = g > bound ? bound : g < -bound ? -bound : g;
    }
}

}  // namespace nn
DISTILL_NAMESPACE_END
