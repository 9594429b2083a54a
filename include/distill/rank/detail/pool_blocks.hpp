// Isotonic regression of a sorted row against the ranks: pool adjacent violators, in O(n).
#pragma once

#include <cmath>

#include "../../config.hpp"
#include "../../core/math.hpp"
#include "../rank_scratch.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// Cuts a row into the blocks on which the fit is constant. Numbers are measured from the first of their block, so that
/// all of one block's distances have one sign and nothing cancels. A block's level is
///   l2   the sum of its distances
///   kl   the sum of e^(distance/strength)
template <class T>
struct rank_pooling {
  const ranked<T>* sorted;
  index finite, size;  ///< how many entries to rank, of how many: the others lie below
  double scale, strength;

  /// Ranks and order of the finite entries; the number of blocks.
  template <bool Exponential>
  index run(rank_block* blocks, T* ranks, std::int32_t* order) const {
    const double inverse = 1 / strength;
    index count = 0;
    for (index k = 0; k < finite; ++k) {
      rank_block last{Exponential ? 1.0 : 0.0, static_cast<std::int32_t>(k), 1};
      while (count > 0 && pooled<Exponential>(blocks[count - 1], last, inverse)) --count;
      blocks[count++] = last;
    }
    for (index b = 0; b < count; ++b) write<Exponential>(blocks[b], inverse, ranks, order);
    return count;
  }

 private:
  double number(index k) const { return static_cast<double>(sorted[k].value) * scale; }
  double mean_rank(const rank_block& b) const {
    return static_cast<double>(size - b.begin) - static_cast<double>(b.count - 1) / 2;
  }

  /// If the fit of `below` is not below that of `above`: `below` becomes both.
  template <bool Exponential>
  bool pooled(const rank_block& above, rank_block& below, double inverse) const {
    const double gap = number(above.begin) - number(below.begin);
    const auto a = static_cast<double>(above.count), b = static_cast<double>(below.count);
    if constexpr (Exponential) {
      const double decay = exp_scaled(-gap, inverse) * below.level;
      if (above.level * (b * mean_rank(below)) > decay * (a * mean_rank(above))) return false;
      below.level = above.level + decay;
    } else {
      // Means further apart than mean ranks, strength · (a + b)/2, times the two counts.
      if (gap * (a * b) + (above.level * b - below.level * a) > strength * (a + b) * (a * b / 2)) return false;
      below.level += above.level - gap * b;
    }
    below.begin = above.begin;
    below.count += above.count;
    return true;
  }

  template <bool Exponential>
  void write(const rank_block& block, double inverse, T* ranks, std::int32_t* order) const {
    const index begin = block.begin, end = begin + block.count;
    const double rank = mean_rank(block), first = number(begin), count = static_cast<double>(block.count);
    const double base = Exponential ? rank * count / block.level : rank - block.level / count * inverse;
    for (index k = begin; k < end; ++k) {
      const index column = sorted[k].column;
      const double distance = number(k) - first;
      ranks[column] = static_cast<T>(Exponential ? base * exp_scaled(distance, inverse) : base + distance * inverse);
      order[k] = sorted[k].column;
    }
    order[begin] = ~sorted[begin].column;
  }
};

}  // namespace detail
DISTILL_NAMESPACE_END
