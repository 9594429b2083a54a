#pragma once

#include "../pair/objective.hpp"
#include "squared_hinge.hpp"

DISTILL_NAMESPACE_BEGIN

/// Transfer of activation boundaries: the student's neurons are active where the teacher's are, with a margin.
///   value     Σ (s + m)² [s > −m, t ≤ 0] + (s − m)² [s ≤ m, t > 0] over everything in an item
///   student   2 (s ± m) on the same entries;  teacher 0
/// Features: any matrices of one shape, before the ReLU. Published weights 3e-3 · 2^(stage + 1 − stages).
/// Source: Heo et al. 2019 (AB), arXiv 1811.03233, the alternative loss.
struct activation_boundary {
  double margin = 1;

  static constexpr pair_info info{.name = "activation_boundary",
                                  .formula = "Σ max(0, m − sign(t) s)², sign(0) = −1",
                                  .source = "Heo et al. 2019 (AB), arXiv 1811.03233",
                                  .input = "any matrices of one shape, before the ReLU",
                                  .systems = "AB",
                                  .zero_at_equality = false,
                                  .same_width = true,
                                  .smooth = false};

  auto representation() const { return chain(); }
  auto comparison() const { return by_rows(squared_hinge{.margin = margin}, row_total::sum); }
};

DISTILL_NAMESPACE_END
