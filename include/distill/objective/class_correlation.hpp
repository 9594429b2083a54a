#pragma once

#include "../pair/objective.hpp"
#include "../pair/stage/column_gram.hpp"
#include "../pair/stage/softmax_rows.hpp"
#include "squared_distance.hpp"

DISTILL_NAMESPACE_BEGIN

/// Multi-level logit distillation between classes.
///   value     ‖P_tᵀ P_t − P_sᵀ P_s‖²/C,  P = softmax(z/T)
///   features  dP = −4 P_s (P_tᵀ P_t − P_sᵀ P_s)/C, then p ∘ (g − ⟨p, g⟩)/T
/// Features: logits, samples × C classes; takes C² numbers a side.
/// Source: Jin et al. 2023 (MLKD), "Multi-level logit distillation", CVPR, eq. 9.
struct class_correlation {
  double temperature = 4;

  static constexpr pair_info info{.name = "class_correlation",
                                  .formula = "‖P_tᵀ P_t − P_sᵀ P_s‖²/C, P = softmax(z/T)",
                                  .source = "Jin et al. 2023, Multi-level logit distillation, CVPR, eq. 9",
                                  .input = "samples × classes (logits)",
                                  .systems = "MLKD",
                                  .same_width = true};

  auto representation() const { return chain(softmax_rows{temperature}, column_gram{}); }
  auto comparison() const { return by_rows(squared_distance{}); }
};

DISTILL_NAMESPACE_END
