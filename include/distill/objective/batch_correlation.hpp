#pragma once

#include "../pair/objective.hpp"
#include "../pair/stage/gram.hpp"
#include "../pair/stage/softmax_rows.hpp"
#include "squared_distance.hpp"

DISTILL_NAMESPACE_BEGIN

/// Multi-level logit distillation between the samples of a batch.
///   value     ‖P_t P_tᵀ − P_s P_sᵀ‖²/n,  P = softmax(z/T)
///   features  dP = −4 (P_t P_tᵀ − P_s P_sᵀ) P_s/n, then p ∘ (g − ⟨p, g⟩)/T
/// Features: logits, n samples × classes; the numbers of classes may differ.
/// Source: Jin et al. 2023 (MLKD), "Multi-level logit distillation", CVPR, eq. 7.
struct batch_correlation {
  double temperature = 4;

  static constexpr pair_info info{.name = "batch_correlation",
                                  .formula = "‖P_t P_tᵀ − P_s P_sᵀ‖²/n, P = softmax(z/T)",
                                  .source = "Jin et al. 2023, Multi-level logit distillation, CVPR, eq. 7",
                                  .input = "samples × classes (logits)",
                                  .systems = "MLKD"};

  auto representation() const { return chain(softmax_rows{temperature}, gram{}); }
  auto comparison() const { return by_rows(squared_distance{}); }
};

DISTILL_NAMESPACE_END
