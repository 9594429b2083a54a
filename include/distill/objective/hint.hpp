#pragma once

#include "../pair/objective.hpp"
#include "logit_mse.hpp"

DISTILL_NAMESPACE_BEGIN

/// The student's features, brought to the teacher's shape by a trained regressor, are the teacher's.
///   value     mean (s − t)² over everything in an item
///   features  2 (s − t)/size, and the negative of that
/// Features: any matrices of one shape; s is what the regressor makes of the student's. Published weight 100.
/// Source: Romero et al. 2015 (FitNets), arXiv 1412.6550, eq. 3, as coded (a mean).
struct hint {
  static constexpr pair_info info{.name = "hint",
                                  .formula = "mean (s − t)²",
                                  .source = "Romero et al. 2015, arXiv 1412.6550, eq. 3",
                                  .input = "any matrices of one shape",
                                  .systems = "FitNets, SimKD, TransKD embeddings",
                                  .same_width = true};

  auto representation() const { return chain(); }
  auto comparison() const { return by_rows(logit_mse{}); }
};

DISTILL_NAMESPACE_END
