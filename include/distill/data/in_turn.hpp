// Several changes of a row, one after the other.
#pragma once

#include <span>
#include <utility>

#include "../config.hpp"
#include "sample_key.hpp"

DISTILL_NAMESPACE_BEGIN
namespace data {

/// in_turn(normalisation, random_crop{…}, horizontal_flip{…}): anything that can be called with a row and its key.
template <class... Steps>
auto in_turn(Steps... steps) {
  return [... steps = std::move(steps)]<class T>(std::span<T> row, const sample_key& key) { (steps(row, key), ...); };
}

}  // namespace data
DISTILL_NAMESPACE_END
