// Rankers that learn the distances between a teacher's scores.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../nn/criterion.hpp"
#include "../nn/dot_scores.hpp"
#include "../nn/reshape.hpp"
#include "../nn/slice.hpp"
#include "../objective/margin_mse.hpp"
#include "info.hpp"
#include "recipe.hpp"

DISTILL_NAMESPACE_BEGIN
namespace recipes {

/// Margin-MSE: how much better the teacher finds the relevant document than others, not its scores, is what a student
/// learns that embeds queries and documents apart.
///
///     s_ik = ⟨e(q_i), e(d_ik)⟩,  k = 0 the positive     e the student's output, for queries and for documents
///     L = mean over the pairs (i, k ≥ 1) of [(s_i0 − s_ik) − (t_i0 − t_ik)]²
///
/// The lesson's n × m teacher scores have the positive in column 0; its input has n (1 + m) rows, group by group: the
/// query, its positive, the others. Shorter lists: a score of ±inf (or no positive) takes pairs out, N is what is
/// left, and their rows of the input may hold any finite numbers. Labels play no part. No hyper-parameters.
/// Source: Hofstätter et al. 2020, arXiv 2010.02666, and the authors' program.
template <class T>
class margin_mse : public recipe<T> {
 public:
  static constexpr recipe_info info{.name = "margin_mse",
                                    .title = "Margin-MSE",
                                    .idea = "the margins between a ranker's scores, from a student of two towers",
                                    .source = "arXiv 2010.02666",
                                    .how = closeness::code,
                                    .classifier = false};
  struct options {};  // there is nothing to choose

  explicit margin_mse(const options& = {}) {}

  double record(nn::tape<T>& tape, nn::network<T>& student, const lesson<T>& lesson) override {
    const index n = lesson.teacher.rows, m = lesson.teacher.columns;
    const index rows = lesson.input.shape.rank() == 0 ? 0 : lesson.input.shape[0];
    if (!lesson.teacher || m < 2)
      fail("margin_mse: lesson.teacher is ", n, " x ", m, ", a positive and at least one other score a row expected");
    if (rows != n * (1 + m))
      fail("margin_mse: lesson.input has ", rows, " rows, ", n * (1 + m), " expected: ", n, " queries with ", m,
           " documents each");
    const index pairs = keep(lesson.teacher);
    const nn::variable scores = score(tape, student.forward(tape, tape.constant(lesson.input)), m);
    return loss_(tape, scores,
                 {.teacher = matrix_view<const T>(teacher_.data(), n, m),
                  .options = {.reduction = reduction::count(static_cast<double>(std::max<index>(pairs, 1)))}})
        .value;
  }

  /// The scores of groups of 1 + m embeddings, n × m.
  static nn::variable score(nn::tape<T>& tape, nn::variable embeddings, index m) {
    const nn::tensor_shape& shape = tape.shape(embeddings);
    const index n = shape[0] / (1 + m), d = shape.features();
    const nn::variable groups = nn::reshape(tape, embeddings, {n, 1 + m, d});
    const nn::variable queries = nn::reshape(tape, nn::slice(tape, groups, 1, 0, 1), {n, d});
    return nn::dot_scores(tape, queries, nn::slice(tape, groups, 1, 1, m));
  }

 private:
  /// Takes the scores down, with −inf for what is not there, and returns the number of pairs.
  index keep(const matrix_view<const T>& scores) {
    constexpr T nothing = -std::numeric_limits<T>::infinity();
    teacher_.clear();
    index pairs = 0;
    for (index i = 0; i < scores.rows; ++i) {
      const bool positive = !std::isinf(scores(i, 0));
      for (index k = 0; k < scores.columns; ++k) {
        const bool there = positive && !std::isinf(scores(i, k));
        teacher_.push_back(there ? scores(i, k) : nothing);
        pairs += there && k > 0 ? 1 : 0;
      }
    }
    return pairs;
  }

  std::vector<T> teacher_;
  nn::criterion<T, distill::margin_mse> loss_{distill::margin_mse{.pairs = list_reduction::sum}};
};

}  // namespace recipes
DISTILL_NAMESPACE_END
