// A softmax in long double, for references computed inside a test.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace harness {

struct exact_softmax {
  std::vector<long double> p, log_p;
};

template <class Row>
exact_softmax softmax_of(const Row& logits, long double temperature = 1) {
  const std::size_t n = logits.size();
  exact_softmax result{std::vector<long double>(n), std::vector<long double>(n)};
  long double top = -std::numeric_limits<long double>::infinity(), sum = 0;
  for (const auto z : logits) top = std::max(top, static_cast<long double>(z));
  for (const auto z : logits) sum += std::exp((static_cast<long double>(z) - top) / temperature);
  for (std::size_t c = 0; c < n; ++c) {
    result.log_p[c] = (static_cast<long double>(logits[c]) - top) / temperature - std::log(sum);
    result.p[c] = std::exp(result.log_p[c]);
  }
  return result;
}

/// The same as doubles.
template <class Row>
std::vector<double> softmax(const Row& logits, double temperature = 1) {
  const auto exact = softmax_of(logits, temperature).p;
  return {exact.begin(), exact.end()};
}

}  // namespace harness
