#pragma once

#include "../pair/algebra.hpp"
#include "pearson.hpp"
#include "spearman.hpp"

DISTILL_NAMESPACE_BEGIN

/// Both correlations of each row with the teacher's: of the numbers, and of their ranks.
///   value     mean_i [w_i (1 − ρ_P,i) + (1 − w_i) (1 − ρ_S,i)],  ρ_P as in pearson, ρ_S as in spearman
/// `weights` in [0, 1] are Pearson's shares, one for all rows or one for every row of an item; one number that makes a
/// share 0 leaves that part out. A sample's difficulty is a choice, such as 1 − H(p_t)/log C, held constant.
/// Features: rows of the same width, which are compared one by one.
/// @throws argument_error  a weight outside [0, 1], a number of weights that is not the number of rows
/// Source: CMKD, as described in arXiv 2506.12542, §2.2; no code is public, how the weights are formed is the user's.
struct cmkd {
  double softness = 1, strength = 0;
  rank_regularisation regularisation = rank_regularisation::l2;
  row_parameter weights = 0.5;

  static constexpr pair_info info{.name = "cmkd",
                                  .formula = "mean_i [w_i (1 − ρ_P,i) + (1 − w_i) (1 − ρ_S,i)]",
                                  .source = "CMKD, as described in arXiv 2506.12542, §2.2",
                                  .input = "rows to compare",
                                  .systems = "CMKD",
                                  .zero_at_equality = false,
                                  .same_width = true,
                                  .smooth = false};

  auto expression() const {
    const bool varies = weights.varies();
    for (index r = 0; r < (varies ? weights.size() : 1); ++r)
      if (!(weights[r] >= 0 && weights[r] <= 1)) fail("cmkd: weights[", r, "] is ", weights[r], ", must lie in [0, 1]");
    const double share = varies ? 1 : weights[0];
    return share * pearson{.weights = varies ? weights : row_parameter(1)} +
           (varies ? 1 : 1 - share) * spearman{.softness = softness,
                                               .strength = strength,
                                               .regularisation = regularisation,
                                               .weights = varies ? weights.complement() : row_parameter(1)};
  }
};

DISTILL_NAMESPACE_END
