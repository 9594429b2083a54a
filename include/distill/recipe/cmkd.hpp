// Two correlations with the teacher, mixed by difficulty.
#pragma once

#include <cmath>
#include <optional>
#include <vector>

#include "../config.hpp"
#include "../nn/criterion.hpp"
#include "../nn/feature_criterion.hpp"
#include "../objective/cmkd.hpp"
#include "../objective/cross_entropy.hpp"
#include "../objective/dist.hpp"
#include "../select/certainty.hpp"
#include "detail/require.hpp"
#include "info.hpp"
#include "recipe.hpp"

DISTILL_NAMESPACE_BEGIN
namespace recipes {

/// pearson: its share w, the same for all samples; by default each has its own. intra: weight of DIST's correlation
/// within classes, of probabilities at `temperature`. softness: of the student's ranks (objective/spearman.hpp).
struct cmkd_options {
  double labels = 1;
  double correlation = 1;  ///< λ
  double intra = 0;
  double temperature = 1;
  double softness = 1;
  std::optional<double> pearson{};
};

/// CMKD: the student's logits follow the teacher's in number (Pearson) where the teacher is sure, in order (Spearman,
/// by soft ranks) where it is not.
///
///     L = labels · CE(z_s, y) + λ mean_i [w_i (1 − ρ_P,i) + (1 − w_i)(1 − ρ_S,i)]
///         + intra · T² (1 − mean_c ρ(p_s, p_t over the samples, column c)),
///     w_i = 1 − H(p_t,i)/log C, constant: select/certainty.hpp
///
/// Source: no code is public; the idea as described in arXiv 2506.12542, §2.2, the weights and λ are ours.
template <class T>
class cmkd : public recipe<T> {
 public:
  using options = cmkd_options;
  static constexpr recipe_info info{.name = "cmkd",
                                    .title = "CMKD",
                                    .idea = "Pearson where the teacher is sure, Spearman where it is not",
                                    .source = "as described in arXiv 2506.12542, §2.2",
                                    .how = closeness::reconstructed};

  /// @throws argument_error  a negative weight, temperature or softness not positive, pearson not in [0, 1]
  explicit cmkd(const cmkd_options& o = {})
      : options_(checked(o)),
        truth_(o.labels * cross_entropy{}),
        correlation_(distill::cmkd{.softness = o.softness, .weights = o.pearson.value_or(0.5)}),
        intra_(dist{.beta = 0, .gamma = 1, .temperature = o.temperature}) {}

  double record(nn::tape<T>& tape, nn::network<T>& student, const lesson<T>& lesson) override {
    const nn::variable logits = student.forward(tape, tape.constant(lesson.input));
    if (!lesson.teacher) fail("cmkd: the lesson's teacher is empty, ", tape.shape(logits).text(), " expected");
    for (index r = 0; r < lesson.teacher.rows; ++r)  // there is no mean of an infinite number and others
      for (index c = 0; c < lesson.teacher.columns; ++c)
        if (!std::isfinite(lesson.teacher(r, c)))
          fail("cmkd: teacher(", r, ", ", c, ") is ", lesson.teacher(r, c), ", finite logits expected");
    if (!options_.pearson) {
      weights_.resize(static_cast<std::size_t>(lesson.teacher.rows));
      certainty(lesson.teacher, weights_);
      correlation_.objective().weights = weights_;
    }
    double loss = truth_(tape, logits, {.labels = lesson.labels, .options = {.reduction = reduction::mean_valid()}});
    loss += options_.correlation * correlation_(tape, logits, lesson.teacher, options_.correlation);
    if (options_.intra > 0) loss += options_.intra * intra_(tape, logits, lesson.teacher, options_.intra);
    return loss;
  }

 private:
  static const cmkd_options& checked(const cmkd_options& o) {
    detail::require_weight("cmkd: labels", o.labels);
    detail::require_weight("cmkd: correlation", o.correlation);
    detail::require_weight("cmkd: intra", o.intra);
    detail::require_positive("cmkd: temperature", o.temperature);
    detail::require_positive("cmkd: softness", o.softness);
    if (o.pearson) detail::require_share("cmkd: pearson", *o.pearson);
    return o;
  }

  cmkd_options options_;
  std::vector<double> weights_;
  nn::criterion<T, weighted_sum<cross_entropy>> truth_;
  nn::feature_criterion<T, distill::cmkd> correlation_;
  nn::feature_criterion<T, dist> intra_;
};

}  // namespace recipes
DISTILL_NAMESPACE_END
