#pragma once

#include "../pair/objective.hpp"
#include "../pair/stage/gram.hpp"
#include "../pair/stage/unit_rows.hpp"
#include "logit_mse.hpp"

DISTILL_NAMESPACE_BEGIN

/// Similarity-preserving distillation: which samples resemble which, as the rows of the Gram matrix at length 1.
///   value     ‖Ĝ_s − Ĝ_t‖²/n²,  G = F Fᵀ, Ĝ its rows over their lengths
///   features  dF = (dG + dGᵀ) F,  dG the rows of 2 (Ĝ_s − Ĝ_t)/n² without their part along Ĝ, over ‖G_i‖
/// Features: n samples in rows, of any width on each side. A sample without features has no similarity: its row is 0
/// and gets no gradient. Published weight 3000.
/// Source: Tung and Mori 2019, arXiv 1907.09682, eq. 2 to 4.
struct similarity_preserving {
  static constexpr pair_info info{.name = "similarity_preserving",
                                  .formula = "‖Ĝ_s − Ĝ_t‖²/n², G = FFᵀ, rows at length 1",
                                  .source = "Tung and Mori 2019, arXiv 1907.09682, eq. 4",
                                  .input = "samples × features",
                                  .systems = "SP, DisWOT's relation score"};

  auto representation() const { return chain(gram{}, unit_rows{}); }
  auto comparison() const { return by_rows(logit_mse{}); }
};

DISTILL_NAMESPACE_END
