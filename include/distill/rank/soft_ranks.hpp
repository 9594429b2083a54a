// Ranks with a gradient.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/sweep.hpp"
#include "average_ranks.hpp"
#include "detail/pool_blocks.hpp"
#include "rank_scratch.hpp"

DISTILL_NAMESPACE_BEGIN

/// What soft ranks minimise: the squared distance to the ranks' polytope, or the relative entropy in logarithms.
enum class rank_regularisation { l2, kl };

struct soft_rank_options {
  rank_regularisation regularisation = rank_regularisation::l2;
  double softness = 1;  ///< of the strength that a row gets by default
  double strength = 0;  ///< the same for all rows; 0: softness · 2√3 · standard deviation of the row/n

  /// @throws argument_error  softness not positive and finite; strength negative or not finite
  void validate(const char* who) const {
    if (!(softness > 0 && softness <= std::numeric_limits<double>::max()))
      fail(who, ": softness is ", softness, ", must be positive and finite");
    if (!(strength >= 0 && strength <= std::numeric_limits<double>::max()))
      fail(who, ": strength is ", strength, ", must be positive and finite, or 0 for the default");
  }
};

/// What is known of a row once it is ranked; with the order all that the way back needs.
struct soft_ranking {
  index blocks = 0;     ///< runs of the order that move together: n for hard ranks, 1 where ranks are affine in the row
  index finite = 0;     ///< entries above −inf
  double strength = 0;  ///< as used
  bool nan = false;     ///< a NaN or +inf: every rank is NaN

  double scale = 1;           ///< a power of 2 that keeps squares of distances in range
  double slope = 0;           ///< scale/strength; 0: no gradient
  double mean = 0, rest = 0;  ///< the mean of scale · x: what T holds of it, and what is left
  double squares = 0;         ///< Σ (scale · x − mean)²; 0 for a given strength
};

namespace detail {

/// Σ_k f(k) over [0, n) in four chains.
template <class F>
double sum_in_chains(index n, const F& f) {
  double sum[4] = {};
  index k = 0;
  for (; k + 4 <= n; k += 4)
    for (index j = 0; j < 4; ++j) sum[j] += f(k + j);
  for (; k < n; ++k) sum[0] += f(k);
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/// 1, unless squares of the distances between the largest and the smallest number leave the range of double.
template <class T>
double distance_scale(T largest, T smallest) {
  if constexpr (sizeof(T) > sizeof(float)) {
    const double range = static_cast<double>(largest) - static_cast<double>(smallest);
    if (range == 0 || (range > 1e-140 && range < 1e140)) return 1;
    int exponent = std::numeric_limits<double>::max_exponent;
    if (std::isfinite(range)) static_cast<void>(std::frexp(range, &exponent));
    return std::ldexp(1.0, std::clamp(-exponent, -1022, 1022));
  }
  return 1;
}

/// Factors of a row's slopes from here on are not formed in T: rows whose spread is hardly a number.
template <class T>
inline constexpr double ordinary_factor = sizeof(T) == 4 ? 1e20 : 1e200;

}  // namespace detail

/// Soft ranks, ascending as hard ranks are: with θ = x/strength, s = θ in descending order and w = (n, …, 1),
///   l2   s − v, v the non-increasing numbers nearest to s − w
///   kl   e^(s − v), v non-increasing and nearest to s − log w in relative entropy
/// v is constant on blocks (pool adjacent violators), so that with the block's mean rank w̄ and sum of ranks W
///   l2   r_i = w̄ + (x_i − x̄)/strength        kl   r_i = W softmax(x/strength)_i       over the block
/// which is how they are formed: from distances within the block, exact for ties, whatever the row's offset. They add
/// up to n(n + 1)/2. l2 ranks neighbours hard that lie further apart than the strength; kl those of ranks w and w − 1
/// that lie further apart than strength · log(w/(w − 1)): it wants far more softness at the upper end.
///
/// The default strength is that of n numbers spread evenly over an interval with the row's standard deviation (1/n,
/// over the entries above −inf, whose number is n), which lie 2√3 sd/n apart: at softness 1 such a row has just hard
/// ranks. It makes ranks indifferent to the row's scale and offset; the gradient goes through it.
///
/// −inf entries share the lowest ranks and have no gradient; n of the default strength is the number of the others. A
/// row of equal numbers: all (n + 1)/2, with the default strength without a gradient. A NaN or +inf: all NaN.
///
/// O(n) after the sort. Source: Blondel et al. 2020, "Fast Differentiable Sorting and Ranking", arXiv
/// 2002.08871; the default strength is ours.
/// @param ranks  n numbers, may be x
/// @param order  n columns in descending order, ~column where a block begins: for soft_rank_row_back
/// @throws argument_error  options out of range
template <class T>
soft_ranking soft_rank_row(const T* x, index n, const soft_rank_options& options, T* ranks, std::int32_t* order,
                           const rank_scratch<T>& scratch) {
  options.validate("soft_ranks");
  soft_ranking row;
  if (detail::any_beyond(x, n, std::numeric_limits<T>::infinity())) {
    std::fill_n(ranks, n, std::numeric_limits<T>::quiet_NaN());
    row.nan = true;
    return row;
  }
  const ranked<T>* const sorted = scratch.sorted;
  sort_descending(x, n, scratch.sorted, scratch.spare);
  index m = n;
  while (m > 0 && sorted[m - 1].value == -std::numeric_limits<T>::infinity()) --m;
  row.finite = m;
  const auto lowest = static_cast<T>(static_cast<double>(n - m + 1) / 2);
  for (index k = m; k < n; ++k) {
    order[k] = sorted[k].column;
    ranks[sorted[k].column] = lowest;
  }
  if (m == 0) return row;

  const double scale = row.scale = detail::distance_scale(sorted[0].value, sorted[m - 1].value);
  const auto number = [sorted, scale](index k) { return static_cast<double>(sorted[k].value) * scale; };
  double strength = options.strength * scale;
  if (options.strength == 0) {
    // The largest number is subtracted first: a large common part does not round.
    const double top = number(0), count = static_cast<double>(m);
    const double mean = detail::sum_in_chains(m, [&](index k) { return number(k) - top; }) / count;
    row.squares = detail::sum_in_chains(m, [&](index k) {
      const double distance = (number(k) - top) - mean;
      return distance * distance;
    });
    if (number(m - 1) == top) row.squares = 0;  // where the mean of equal numbers rounds
    row.mean = static_cast<double>(static_cast<T>(top + mean));
    row.rest = (top - row.mean) + mean;
    strength = options.softness * 2 * std::sqrt(3 * row.squares / count) / count;
    row.strength = strength / scale;
  } else {
    row.strength = options.strength;
  }
  const bool flat = options.strength == 0 && row.squares == 0;
  strength = flat ? 1 : std::clamp(strength, 1e-300, 1e300);
  if (!flat) row.slope = std::min(scale / strength, std::numeric_limits<double>::max());

  const detail::rank_pooling<T> pooling{sorted, m, n, scale, strength};
  row.blocks = options.regularisation == rank_regularisation::l2
                   ? pooling.template run<false>(scratch.blocks, ranks, order)
                   : pooling.template run<true>(scratch.blocks, ranks, order);
  return row;
}

/// Brings slopes with respect to the ranks back to the row: over each block
///   l2   h = g − mean g        kl   h = r ∘ (g − ⟨r, g⟩/W)
/// and dx = h/strength; with the default strength less the part of h along x − mean: (h − a ⟨a, h⟩/⟨a, a⟩)/strength,
/// a = x − mean. NaN where the row's ranks are NaN and the slope is not 0, and where the slope is NaN (not at −inf).
/// Where a spread is so small that dx leaves T's range: the largest number of T.
/// @param row, order  as soft_rank_row left them for this x
/// @param to_x        n numbers, may be slope
template <class T>
void soft_rank_row_back(const T* x, const T* ranks, index n, const soft_rank_options& options, const soft_ranking& row,
                        const std::int32_t* order, const T* slope, T* to_x) {
  const auto no_gradient = [](T g) { return std::isnan(g) ? g : T(0); };
  if (row.nan || row.slope == 0) {
    for (index i = 0; i < n; ++i)
      to_x[i] = row.nan && slope[i] != 0 ? std::numeric_limits<T>::quiet_NaN() : no_gradient(slope[i]);
    return;
  }
  const auto at = [order](index k) { return order[k] < 0 ? ~order[k] : order[k]; };
  const bool by_ranks = options.regularisation == rank_regularisation::kl;
  double along = 0;  // ⟨a, h⟩; the slopes of a block add up to 0, so that its own first number will do for the mean
  for (index begin = 0, end = 0; begin < row.finite; begin = end) {
    while (++end < row.finite && order[end] >= 0) {
    }
    if (end == begin + 1) {
      to_x[at(begin)] = no_gradient(slope[at(begin)]);
      continue;
    }
    double mass = 0, sum = 0;
    for (index k = begin; k < end; ++k) {
      const index i = at(k);
      const double weight = by_ranks ? static_cast<double>(ranks[i]) : 1;
      mass += weight;
      sum += weight * static_cast<double>(slope[i]);
    }
    const double mean = sum / mass, first = static_cast<double>(x[at(begin)]) * row.scale;
    for (index k = begin; k < end; ++k) {
      const index i = at(k);
      const double h = (by_ranks ? static_cast<double>(ranks[i]) : 1) * (static_cast<double>(slope[i]) - mean);
      along += h * (static_cast<double>(x[i]) * row.scale - first);
      to_x[i] = static_cast<T>(h);
    }
  }
  for (index k = row.finite; k < n; ++k) to_x[order[k]] = 0;

  const double along_squares = row.squares == 0 ? 0 : along / row.squares;
  if (!(row.slope < detail::ordinary_factor<T> && std::abs(along_squares) < detail::ordinary_factor<T>)) {
    constexpr double most = static_cast<double>(std::numeric_limits<T>::max());
    for (index i = 0; i < n; ++i) {
      const double v = static_cast<double>(x[i]);
      if (v == -std::numeric_limits<double>::infinity()) continue;
      const double across = row.squares == 0 ? 0 : along_squares * ((v * row.scale - row.mean) - row.rest);
      to_x[i] = static_cast<T>(std::clamp((static_cast<double>(to_x[i]) - across) * row.slope, -most, most));
    }
    return;
  }
  const simd<T> factor(static_cast<T>(row.slope)), zero(T(0)), masked(-std::numeric_limits<T>::infinity());
  if (row.squares == 0)
    return detail::sweep<T>(
        n, [&](simd<T>& to) DISTILL_LAMBDA_INLINE { to *= factor; }, to_x);
  const simd<T> share(static_cast<T>(along_squares)), scale(static_cast<T>(row.scale)), mean(static_cast<T>(row.mean)),
      rest(static_cast<T>(row.rest));
  detail::sweep<T>(
      n,
      [&](const simd<T>& v, simd<T>& to) DISTILL_LAMBDA_INLINE {
        to = lane<simd<T>>::select(v == masked, zero, (to - share * ((v * scale - mean) - rest)) * factor);
      },
      x, to_x);
}

DISTILL_NAMESPACE_END
