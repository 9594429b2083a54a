#pragma once

#include "../pair/objective.hpp"
#include "squared_distance.hpp"

DISTILL_NAMESPACE_BEGIN

/// Masked generative distillation: from a student's map of which parts are hidden, a small network generates the
/// teacher's.
///   value     Σ (s − t)² over everything in an item, s what the network generated
///   features  2 (s − t), and the negative of that
/// Features: any matrices of one shape. target/feature_masks.hpp hides the parts. Published factors 2e-5 for detection,
/// 7e-5 for classification.
/// Source: Yang et al. 2022 (MGD), arXiv 2205.01529, eq. 4.
struct masked_generation {
  static constexpr pair_info info{.name = "masked_generation",
                                  .formula = "Σ (s − t)², s generated from masked features",
                                  .source = "Yang et al. 2022 (MGD), arXiv 2205.01529, eq. 4",
                                  .input = "any matrices of one shape",
                                  .systems = "MGD",
                                  .same_width = true};

  auto representation() const { return chain(); }
  auto comparison() const { return by_rows(squared_distance{}, row_total::sum); }
};

DISTILL_NAMESPACE_END
