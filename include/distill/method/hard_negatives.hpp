// Keys that an anchor mistakes for its own.
#pragma once

#include <algorithm>
#include <array>
#include <span>

#include "../contrast/batch.hpp"
#include "../contrast/check.hpp"
#include "../contrast/similarities.hpp"
#include "../contrast/unit_side.hpp"
#include "../core/math.hpp"
#include "../core/random.hpp"
#include "../core/sweep.hpp"

DISTILL_NAMESPACE_BEGIN

/// Draws one other sample's key for each anchor, with probability softmax_{j≠i}(⟨â_i, k̂_j⟩/τ)_j: ALBEF's hard negatives
/// for image–text matching. Anchor i uses number i of the stream: take another stream for every step and direction, as
/// random_stream(seed, 2 · step + direction). `chosen` has one entry an anchor; −1 where there is no other key, or
/// where a cosine is NaN.
///
/// Source: Li et al. 2021 (ALBEF), arXiv 2107.07651, §3.2.
/// @throws argument_error  shapes that do not match, τ not positive
template <class T>
void hard_negatives(const matrix_view<const std::type_identity_t<T>>& anchors,
                    const matrix_view<const std::type_identity_t<T>>& keys, double temperature,
                    const random_stream& random, std::span<index> chosen, const contrast_options& options,
                    contrast_workspace<T>& workspace) {
  detail::check_contrast_options("hard_negatives", options);
  detail::check_temperature<T>("hard_negatives", temperature, 0);
  detail::check_count("keys", keys, "anchors", anchors);
  detail::check_width("keys", keys, "anchors", anchors);
  if (std::ssize(chosen) != anchors.rows)
    fail("hard_negatives: chosen has ", std::ssize(chosen), " entries, anchors has ", anchors.rows, " rows");
  detail::contrast_scratch<T>& scratch = workspace.scratch();
  const detail::unit_side<T> own(anchors, scratch.side[0], options.execution);
  const detail::unit_side<T> others(keys, scratch.side[1], options.execution);
  const std::array<key_block<T>, 1> blocks{key_block<T>{others.rows(), {}}};
  const auto draw = [&](const matrix_view<T>& s, index row, index anchor) -> index {
    T* const weight = s.row(row);
    const T top = *std::max_element(weight, weight + s.columns);
    detail::sweep<T>(
        s.columns,
        [m = simd<T>(top), scale = simd<T>(static_cast<T>(1 / temperature))](simd<T>& x)
            DISTILL_LAMBDA_INLINE { x = exp_scaled(x - m, scale); },
        weight);
    double total = 0, reached = 0;
    for (index j = 0; j < s.columns; ++j) total += static_cast<double>(weight[j]);
    if (!(total > 0)) return -1;
    const double wanted = random.uniform(static_cast<std::uint64_t>(anchor)) * total;
    index last = -1;
    for (index j = 0; j < s.columns; ++j) {
      if (!(weight[j] > 0)) continue;
      last = j;
      if ((reached += static_cast<double>(weight[j])) > wanted) break;
    }
    return last;
  };
  over_similarities(similarities<T>{.anchors = own.rows(), .keys = blocks, .without_self = true}, options.largest_tile,
                    options.execution, workspace, [&](index first, const matrix_view<T>& s, const matrix_view<T>&) {
                      detail::for_row_pieces(s.rows, s.rows * s.columns, options.execution, [&](index from, index to) {
                        for (index r = from; r < to; ++r)
                          chosen[static_cast<std::size_t>(first + r)] = s.columns < 2 ? -1 : draw(s, r, first + r);
                      });
                      return 0.0;
                    });
}

DISTILL_NAMESPACE_END
