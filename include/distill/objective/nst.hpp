#pragma once

#include "../pair/comparison/mean_discrepancy.hpp"
#include "../pair/objective.hpp"
#include "../pair/stage/gram.hpp"
#include "../pair/stage/polynomial.hpp"
#include "../pair/stage/unit_rows.hpp"

DISTILL_NAMESPACE_BEGIN

/// Neuron selectivity transfer: the channels of both networks as two sets of points at length 1.
///   value     mean k(s, s) + mean k(t, t) − 2 mean k(s, t),  k(x, y) = ⟨x̂, ŷ⟩²
///   features  dx̂ = 2 K' ∘ W x̂ over both sets, then across x̂, over ‖x‖
/// A channel without activation is at 0 and gets no gradient.
/// Features: one item a sample (`channel_maps`), channels in rows, as many pixels on both sides; the numbers of
/// channels may differ. Published weight 50. Source: Huang and Wang 2017, arXiv 1707.01219, eq. 8 and 9 (d = 2, c = 0).
struct nst {
  static constexpr item_kind items = item_kind::joined;
  static constexpr pair_info info{.name = "nst",
                                  .formula = "MMD² of channels at length 1, k(x, y) = ⟨x, y⟩²",
                                  .source = "Huang and Wang 2017, arXiv 1707.01219, eq. 9",
                                  .input = "channels × pixels",
                                  .systems = "NST",
                                  .same_width = true};

  auto representation() const { return chain(unit_rows{}, gram{}, polynomial<3>{{0, 0, 1}}); }
  auto comparison() const { return mean_discrepancy{}; }
};

DISTILL_NAMESPACE_END
