// What the tests of the student stack share.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <distill/core/random.hpp>
#include <distill/nn/sequential.hpp>
#include <distill/nn/tape.hpp>

#include "harness/message.hpp"

namespace nn_tests {

namespace nn = distill::nn;
using distill::argument_error;
using distill::index;
using distill::matrix_view;
using distill::random_stream;

template <class T>
nn::tensor<T> random_tensor(const nn::tensor_shape& shape, std::uint64_t seed) {
  nn::tensor<T> result(shape);
  const random_stream random(seed, 99);
  for (index i = 0; i < result.size(); ++i)
    result.data()[i] = static_cast<T>(random.normal(static_cast<std::uint64_t>(i)));
  return result;
}

/// loss = Σ c y + ½ Σ y², with coefficients c that differ from element to element: quadratic in every single parameter
/// of a piecewise linear network, so that central differences are exact up to rounding.
template <class T>
T coefficient(index i) {
  return static_cast<T>(std::sin(1.0 + 0.7 * static_cast<double>(i)));
}

template <class T>
nn::variable quadratic_loss(nn::tape<T>& tape, nn::variable output) {
  const nn::tensor_view<const T> y = tape.value(output);
  T sum = 0;
  for (index i = 0; i < y.size(); ++i) sum += y.data[i] * (coefficient<T>(i) + y.data[i] / 2);
  return tape.record_loss(sum, {output}, [](nn::tape<T>& on, nn::variable self) {
    const nn::variable input = on.input(self, 0);
    const nn::tensor_view<const T> values = on.value(input);
    const nn::tensor_view<T> to = on.zeroed_gradient(input);
    const T weight = *on.gradient(self).data;
    for (index i = 0; i < to.size(); ++i) to.data[i] += weight * (coefficient<T>(i) + values.data[i]);
  });
}

/// A loss whose gradient at `output` is `upstream`.
template <class T>
void hand_back(nn::tape<T>& tape, nn::variable output, const T* upstream) {
  tape.record_loss(T(0), {output}, [upstream](nn::tape<T>& on, nn::variable self) {
    const nn::tensor_view<T> to = on.zeroed_gradient(on.input(self, 0));
    for (index i = 0; i < to.size(); ++i) to.data[i] += upstream[i];
  });
}

/// The largest difference, in units of the largest entry of b.
inline double distance(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0, largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    worst = std::isnan(a[i]) || std::isnan(b[i]) ? INFINITY : std::max(worst, std::abs(a[i] - b[i]));
    largest = std::max(largest, std::abs(b[i]));
  }
  return worst / largest;
}

using harness::message_of;

}  // namespace nn_tests
