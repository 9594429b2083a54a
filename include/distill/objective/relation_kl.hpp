#pragma once

#include <algorithm>
#include <cmath>

#include "../pair/objective.hpp"
#include "../pair/stage/gram.hpp"
#include "kl.hpp"

DISTILL_NAMESPACE_BEGIN

/// Self-attention relations, compared as distributions: MiniLMv2's loss for one of Q, K, V.
///   value     mean_i KL(softmax(R_t,i) ‖ softmax(R_s,i)),  R = X Xᵀ/√e, e the width of X
///   features  dX = (G + Gᵀ) X/√e,  G = (p_s − p_t)/n
/// Features: one item a sequence and relation head (`attention_heads`), tokens in rows; widths may differ.
/// `valid_rows` leaves padding out.
/// Source: Wang et al. 2021 (MiniLMv2), arXiv 2012.15828, eq. 4 to 6.
struct relation_kl {
  static constexpr pair_info info{.name = "relation_kl",
                                  .formula = "mean_i KL(softmax R_t,i ‖ softmax R_s,i), R = XXᵀ/√e",
                                  .source = "Wang et al. 2021, arXiv 2012.15828, eq. 4",
                                  .input = "tokens × features of a head",
                                  .systems = "MiniLMv2, AutoDistil"};

  auto representation(const feature_shape& own, const feature_shape&) const {
    return chain(gram{1 / std::sqrt(static_cast<double>(std::max<index>(1, own.columns)))});
  }
  auto comparison() const { return by_rows(kl{}); }
};

DISTILL_NAMESPACE_END
