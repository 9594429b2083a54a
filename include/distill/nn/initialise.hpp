// First values of weights.
#pragma once

#include <cmath>
#include <cstdint>

#include "../config.hpp"
#include "../core/random.hpp"
#include "tensor_view.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// Distributions with variance 2 / fan_in, which keeps the scale of activations through layers followed by a ReLU;
/// source: K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers", ICCV 2015, eq. 10. fan_in is the number of
/// inputs that one output sums over.
enum class initialisation {
  kaiming_uniform,  ///< uniform on ±√(6 / fan_in)
  kaiming_normal,   ///< normal with standard deviation √(2 / fan_in)
};

/// Fills `weights` with numbers 0, 1, 2, … of the stream: element i depends on seed, stream and i alone.
template <class T>
void initialise(const tensor_view<T>& weights, initialisation how, index fan_in, const random_stream& random) {
  const double bound = std::sqrt(6.0 / static_cast<double>(fan_in));
  const double deviation = std::sqrt(2.0 / static_cast<double>(fan_in));
  for (index i = 0; i < weights.size(); ++i) {
    const std::uint64_t counter = static_cast<std::uint64_t>(i);
    const double drawn = how == initialisation::kaiming_normal ? deviation * random.normal(counter)
                                                               : bound * std::fma(2.0, random.uniform(counter), -1.0);
    weights.data[i] = static_cast<T>(drawn);
  }
}

}  // namespace nn
DISTILL_NAMESPACE_END
