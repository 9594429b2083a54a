// Rows on their way to a network.
#pragma once

#include <span>

#include "../config.hpp"
#include "../core/matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN
namespace data {

/// What a loader hands out.
template <class T>
struct minibatch {
  index step = 0;  ///< its number, from 0
  index epoch = 0;
  matrix_view<T> features{};         ///< rows × columns, dense; the caller may change it
  std::span<const index> labels{};   ///< one a row; empty if the data set has none
  std::span<const index> samples{};  ///< the position of each row in the data set

  index size() const { return features.rows; }
};

}  // namespace data
DISTILL_NAMESPACE_END
