#pragma once

#include <algorithm>
#include <cmath>

#include "../pair/objective.hpp"
#include "../pair/stage/gram.hpp"
#include "logit_mse.hpp"

DISTILL_NAMESPACE_BEGIN

/// Self-attention relations, compared as they are: AutoDistil's loss for one of Q, K, V.
///   value     mean_ij (R_s − R_t)²,  R = X Xᵀ/√e, e the width of X
///   features  dX = (G + Gᵀ) X/√e,  G = 2 (R_s − R_t)/n²
/// Features: one item a sequence and relation head (`attention_heads`), tokens in rows; widths may differ.
/// `valid_rows` leaves padding out.
/// Source: Xu et al. 2022 (AutoDistil), arXiv 2201.12507, as coded in microsoft/autodistil.
struct relation_mse {
  static constexpr pair_info info{.name = "relation_mse",
                                  .formula = "mean_ij (R_s − R_t)², R = XXᵀ/√e",
                                  .source = "Xu et al. 2022, arXiv 2201.12507, as coded",
                                  .input = "tokens × features of a head",
                                  .systems = "AutoDistil"};

  auto representation(const feature_shape& own, const feature_shape&) const {
    return chain(gram{1 / std::sqrt(static_cast<double>(std::max<index>(1, own.columns)))});
  }
  auto comparison() const { return by_rows(logit_mse{}); }
};

DISTILL_NAMESPACE_END
