// The order in which a pass visits the rows.
#pragma once

#include <cstdint>
#include <numeric>
#include <span>

#include "../config.hpp"
#include "../core/matrix_view.hpp"
#include "../core/random.hpp"
#include "sample_key.hpp"

DISTILL_NAMESPACE_BEGIN
namespace data {

/// Fills `order` with a permutation of 0 … size − 1 that depends on the seed and the epoch alone: no pass depends on
/// the ones before it.
inline void epoch_order(std::span<index> order, std::uint64_t seed, index epoch) {
  std::iota(order.begin(), order.end(), index{0});
  shuffle(order, sample_key{.seed = seed, .epoch = epoch}.stream(0));
}

}  // namespace data
DISTILL_NAMESPACE_END
