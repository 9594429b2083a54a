#pragma once

#include <algorithm>
#include <cmath>

#include "../pair/objective.hpp"
#include "../pair/stage/gram.hpp"
#include "brier.hpp"

DISTILL_NAMESPACE_BEGIN

/// Contextual similarity: which tokens a token attends to, as the softmax of its inner products.
///   value     mean_ij (C_s − C_t)²,  C = softmax rows of F Fᵀ/√D
///   features  dF = (dZ + dZᵀ) F/√D,  dZ the slopes of the softmax's arguments
/// Features: n tokens in rows, of any width D on each side.
/// Source: Zhang et al. 2023 (TRG), arXiv 2306.12442, inner-instance loss.
struct contextual_similarity {
  static constexpr pair_info info{.name = "contextual_similarity",
                                  .formula = "mean_ij (C_s − C_t)², C = softmax rows of FFᵀ/√D",
                                  .source = "Zhang et al. 2023, arXiv 2306.12442",
                                  .input = "tokens × features",
                                  .systems = "TRG"};

  auto representation(const feature_shape& own, const feature_shape&) const {
    return chain(gram{1 / std::sqrt(static_cast<double>(std::max<index>(1, own.columns)))});
  }
  auto comparison() const { return by_rows(brier{}, row_total::mean_of_entries); }
};

DISTILL_NAMESPACE_END
