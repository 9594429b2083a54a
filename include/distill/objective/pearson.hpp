#pragma once

#include "../pair/objective.hpp"
#include "../pair/stage/centred_rows.hpp"
#include "logit_cosine.hpp"

DISTILL_NAMESPACE_BEGIN

/// Pearson's correlation of each row of the student with the same row of the teacher.
///   value     mean_i w_i (1 − ρ_i),  ρ = ⟨a, b⟩/(‖a‖ ‖b‖), a and b the rows less their means
///   features  −w (b̂ − ρ â)/‖a‖ less its mean
/// Scale and offset of a row do not matter. A constant row has ρ = 0 (1 if both are constant) and no gradient.
/// `weights`: one for every row of an item, not negative; 0 removes a row, whatever it holds. The mean is over all
/// rows. Features: rows of the same width, which are compared one by one: logits, embeddings, maps. Source: Huang et
/// al. 2022 (DIST), arXiv 2205.10536, eq. 5; CMKD, PEFD.
struct pearson {
  row_parameter weights = 1;

  static constexpr pair_info info{.name = "pearson",
                                  .formula = "mean_i w_i (1 − ρ(x_i, y_i))",
                                  .source = "Huang et al. 2022, arXiv 2205.10536, eq. 5",
                                  .input = "rows to compare",
                                  .systems = "DIST, CMKD",
                                  .same_width = true};

  auto representation() const { return chain(centred_rows{}); }
  auto comparison() const { return by_rows(logit_cosine{}, row_total::mean, weights); }
};

DISTILL_NAMESPACE_END
