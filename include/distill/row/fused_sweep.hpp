// The fused sweep over one row: every leaf that compares two rows, in one pass over the classes.
#pragma once

#include <array>
#include <tuple>
#include <utility>

#include "../config.hpp"
#include "../core/simd.hpp"
#include "fused.hpp"
#include "sweeps.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// The sums of a leaf that the sweep visits; a placeholder for the others.
template <class L, class Number>
struct swept_sums : leaf_sums<1, Number> {
  using leaf_sums<1, Number>::leaf_sums;
};
template <compares_rows L, class Number>
struct swept_sums<L, Number> : leaf_sums<sums_of<L>(), Number> {
  using leaf_sums<sums_of<L>(), Number>::leaf_sums;
};

/// Adds a block's sums to the row's, in double.
template <sweep_kind Kind, class T, class L>
DISTILL_INLINE void flush(swept_sums<L, wide<T>>& total, const swept_sums<L, simd<T>>& part, bool active) {
  if constexpr (compares_rows<L>) {
    if (!active) return;
    for (std::size_t k = 0; k < total.term.size() && Kind != sweep_kind::moments; ++k)
      total.term[k] += reduce_sum<T>(part.term[k]);
    if constexpr (Kind != sweep_kind::values) {
      total.to_student += reduce_sum<T>(part.to_student);
      if constexpr (Kind != sweep_kind::plain) total.to_teacher += reduce_sum<T>(part.to_teacher);
    }
  }
}

/// Every leaf's sums; the weighted slopes into `target`, unless only values or moments are asked for. `rows` and
/// `target` are copies: the compiler may keep them in registers across the stores to scratch.
template <sweep_kind Kind, class T, class... Ls>
std::tuple<swept_sums<Ls, wide<T>>...> fused_sweep(const std::tuple<Ls...>& leaf,
                                                   std::array<leaf_lanes<T, row_reader<T>>, sizeof...(Ls)> rows,
                                                   const slope_targets<T, static_cast<int>(sizeof...(Ls))> target,
                                                   const std::array<row_ahead<T>, 2> ahead, const row_reader<T>& blocks,
                                                   index end) {
  using V = simd<T>;
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    std::tuple total{swept_sums<Ls, wide<T>>(wide<T>(0))...};
    for (index block = 0; block < end;) {
      const index stop = blocks.block_end(block);  // rows of one length have the same blocks
      (rows[I].enter(block), ...);
      std::tuple part{swept_sums<Ls, V>(V(T(0)))...};
      for (index i = block; i < stop; i += lanes_of<T>) {
        ahead[0].ask(i);
        ahead[1].ask(i);
        std::array<V, input_count> to{V(T(0)), V(T(0)), V(T(0))};
        const auto step = [&]<std::size_t N, class L>(std::integral_constant<std::size_t, N>, const L& each)
                              DISTILL_LAMBDA_INLINE {
                                if constexpr (compares_rows<L>)
                                  if (Kind == sweep_kind::plain || rows[N].active)
                                    fused_step<Kind, N, T>(each, rows[N], target, i, std::get<N>(part), to);
                              };
        (step(std::integral_constant<std::size_t, I>(), std::get<I>(leaf)), ...);
        if constexpr (Kind == sweep_kind::plain) {
          to[0].store_aligned(target.slopes[0] + i);
        } else if constexpr (Kind == sweep_kind::general) {
          for (std::size_t o = 0; o < input_count; ++o)
            if (target.wanted[o]) to[o].store_aligned(target.slopes[o] + i);
        }
      }
      (flush<Kind, T, Ls>(std::get<I>(total), std::get<I>(part), rows[I].active), ...);
      block = stop;
    }
    return total;
  }
  (std::index_sequence_for<Ls...>{});
}

}  // namespace detail
DISTILL_NAMESPACE_END
