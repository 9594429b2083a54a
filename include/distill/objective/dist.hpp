#pragma once

#include "../pair/comparison/correlations.hpp"
#include "../pair/objective.hpp"
#include "../pair/stage/softmax_rows.hpp"

DISTILL_NAMESPACE_BEGIN

/// DIST: the student's probabilities should correlate with the teacher's, within samples and within classes.
///   value     T² [β (1 − mean_i ρ(row i)) + γ (1 − mean_c ρ(column c))] of p = softmax(z/T)
///   features  through both correlations at once, then p ∘ (g − ⟨p, g⟩)/T
/// A constant row or column has ρ = 0 and no gradient: a single sample is worth γ T² plus its row. Correlations are
/// formed from p_s − p_t and keep their digits where the tables are near.
/// Features: logits, n samples × C classes, the same on both sides.
/// Source: Huang et al. 2022, arXiv 2205.10536, eq. 8 to 10; published β = γ = 1 or 2, T = 1 or 4.
struct dist {
  double beta = 1, gamma = 1;
  double temperature = 1;

  static constexpr pair_info info{.name = "dist",
                                  .formula = "T² [β (1 − mean ρ(rows)) + γ (1 − mean ρ(columns))] of probabilities",
                                  .source = "Huang et al. 2022, arXiv 2205.10536, eq. 10",
                                  .input = "samples × classes (logits)",
                                  .systems = "DIST, CMKD",
                                  .zero_at_equality = true,
                                  .same_width = true};

  auto representation() const { return chain(softmax_rows{temperature}); }
  auto comparison() const {
    const double square = temperature * temperature;
    return correlations{square * beta, square * gamma};
  }
};

DISTILL_NAMESPACE_END
