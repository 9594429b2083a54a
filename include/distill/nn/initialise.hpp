// First values of weights.
#pragma once

#include <cmath>
#include <cstdint>

#include "../config.hpp"
#include "../core/random.hpp"
#include "tensor_view.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// Kaiming: variance 2 / fan_in, which keeps the scale of activations through layers followed by a ReLU; source: K. He,
/// X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers", ICCV 2015, eq. 10. Xavier: variance 2 / (fan_in +
/// fan_out), between what activations and what gradients ask of a layer that is linear near 0; source: X. Glorot, Y.
/// Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010, eq. 12 and 16.
/// fan_in is the number of inputs that one output sums over, fan_out the number of outputs that one input is part of.
enum class initialisation {
  kaiming_uniform,  ///< uniform on ±√(6 / fan_in)
  kaiming_normal,   ///< normal with standard deviation √(2 / fan_in)
  xavier_uniform,   ///< uniform on ±√(6 / (fan_in + fan_out))
  xavier_normal,    ///< normal with standard deviation √(2 / (fan_in + fan_out))
  zeros             ///< 0: a residual branch that begins as nothing
};

/// Fills `weights` with numbers 0, 1, 2, … of the stream: element i depends on seed, stream and i alone. fan_out 0
/// means elements / fan_in, which is that of a fully connected layer; a convolution's is outputs · kernel² / groups.
template <class T>
void initialise(const tensor_view<T>& weights, initialisation how, index fan_in, const random_stream& random,
                index fan_out = 0) {
  if (fan_out == 0) fan_out = weights.size() / fan_in;
  const bool xavier = how == initialisation::xavier_uniform || how == initialisation::xavier_normal;
  const bool normal = how == initialisation::kaiming_normal || how == initialisation::xavier_normal;
  const double fans = static_cast<double>(xavier ? fan_in + fan_out : fan_in);
  const double bound = std::sqrt(6.0 / fans), deviation = std::sqrt(2.0 / fans);
  for (index i = 0; i < weights.size(); ++i) {
    const std::uint64_t counter = static_cast<std::uint64_t>(i);
    double drawn = 0;
    if (how != initialisation::zeros)
      drawn = normal ? deviation * random.normal(counter) : bound * std::fma(2.0, random.uniform(counter), -1.0);
    weights.data[i] = static_cast<T>(drawn);
  }
}

}  // namespace nn
DISTILL_NAMESPACE_END
