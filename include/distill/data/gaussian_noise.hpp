// Noise on features.
#pragma once

#include <cstdint>
#include <span>

#include "../config.hpp"
#include "sample_key.hpp"

DISTILL_NAMESPACE_BEGIN
namespace data {

/// x ← x + deviation · n, n standard normal, drawn for every element.
struct gaussian_noise {
  double deviation = 0.1;

  template <class T>
  void operator()(std::span<T> row, const sample_key& key) const {
    const random_stream random = key.stream(3);
    for (std::size_t i = 0; i < row.size(); ++i)
      row[i] = static_cast<T>(static_cast<double>(row[i]) + deviation * random.normal(static_cast<std::uint64_t>(i)));
  }
};

}  // namespace data
DISTILL_NAMESPACE_END
