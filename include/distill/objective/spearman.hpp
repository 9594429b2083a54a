#pragma once

#include "../pair/objective.hpp"
#include "../pair/stage/average_ranks.hpp"
#include "../pair/stage/centred_rows.hpp"
#include "../pair/stage/soft_ranks.hpp"
#include "logit_cosine.hpp"

DISTILL_NAMESPACE_BEGIN

/// Spearman's correlation of each row of the student, by soft ranks, with the same row of the teacher, by its own.
///   value     mean_i w_i (1 − ρ(r(x_i), R(y_i))),  ρ Pearson's, r soft ranks, R ranks (equal numbers share theirs)
///   student   ρ's slopes, back through the soft ranks: O(n) a row
///   teacher   0: its ranks are constant wherever they are smooth
/// `strength` 0 is softness · 2√3 sd/n of each row, which makes an evenly spread row's ranks hard just so at softness
/// 1; the value is then indifferent to scale and offset of a row. Above 0 it is the published form: where entries lie
/// further apart than it their ranks are hard and have no gradient at all; far above the row's spread ranks are affine
/// in the row, and this is Pearson's correlation with the teacher's ranks. A constant row has ρ = 0 (1 if both are
/// constant) and no gradient. −inf on either side is an entry with the lowest rank.
/// `weights`: one for every row of an item, not negative; 0 removes a row, whatever it holds. The mean is over all
/// rows. 1 − ρ comes from the differences of centred ranks: equal ranks are worth exactly 0, and nearly equal ones an
/// error of the ranks' own rounding. Features: rows of the same width, which are compared one by one. Source: CMKD
/// (Pearson and Spearman with differentiable ranks), as described in arXiv 2506.12542, §2.2; ranks after Blondel et al.
/// 2020, arXiv 2002.08871.
struct spearman {
  double softness = 1, strength = 0;
  rank_regularisation regularisation = rank_regularisation::l2;
  row_parameter weights = 1;

  static constexpr pair_info info{.name = "spearman",
                                  .formula = "mean_i w_i (1 − ρ(soft ranks of x_i, ranks of y_i))",
                                  .source = "Blondel et al. 2020, arXiv 2002.08871; CMKD",
                                  .input = "rows to compare",
                                  .systems = "CMKD",
                                  .zero_at_equality = false,
                                  .same_width = true,
                                  .smooth = false};

  auto representation() const {
    return chain(soft_ranks{{.regularisation = regularisation, .softness = softness, .strength = strength}},
                 centred_rows{});
  }
  auto teacher_representation(const feature_shape&, const feature_shape&) const {
    return chain(average_ranks{}, centred_rows{});
  }
  auto comparison() const { return by_rows(logit_cosine{}, row_total::mean, weights); }
};

DISTILL_NAMESPACE_END
