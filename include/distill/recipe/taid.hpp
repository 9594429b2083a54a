// Temporally adaptive interpolated distillation.
#pragma once

#include "../config.hpp"
#include "../nn/criterion.hpp"
#include "../objective/cross_entropy.hpp"
#include "../objective/taid.hpp"
#include "../schedule/taid_schedule.hpp"
#include "detail/require.hpp"
#include "info.hpp"
#include "recipe.hpp"

DISTILL_NAMESPACE_BEGIN
namespace recipes {

/// labels: weight of a cross-entropy with the known labels; there is none in the publication.
struct taid_options {
  taid_schedule_options schedule{};
  double labels = 0;
};

/// TAID: the target lies between student and teacher and moves towards the teacher, faster while the student follows.
///
///     L = −mean_i Σ p̃ log p_s + labels · CE(z_s, y),  p̃ = softmax((1 − t) z_s + t z_t), constant
///     t moves after each step: schedule/taid_schedule.hpp, by the first part of L and the lesson's progress
///
/// Source: Shing et al. 2025, arXiv 2501.16937, and SakanaAI/TAID. There the rows are tokens.
template <class T>
class taid : public recipe<T> {
 public:
  using options = taid_options;
  static constexpr recipe_info info{.name = "taid",
                                    .title = "TAID",
                                    .idea = "a target that moves from the student to the teacher",
                                    .source = "arXiv 2501.16937",
                                    .how = closeness::code};

  /// @throws argument_error  what taid_schedule throws, a negative weight
  explicit taid(const taid_options& o = {})
      : schedule_(o.schedule), labels_(o.labels), truth_(o.labels * cross_entropy{}) {
    detail::require_weight("taid: labels", o.labels);
  }

  double record(nn::tape<T>& tape, nn::network<T>& student, const lesson<T>& lesson) override {
    detail::require_share("taid: the lesson's progress", lesson.progress);
    const nn::variable logits = student.forward(tape, tape.constant(lesson.input));
    loss_.objective().t = schedule_.t();
    const double loss = loss_(tape, logits, {.teacher = lesson.teacher});
    schedule_.update(loss, lesson.progress);
    if (labels_ == 0) return loss;
    return loss + truth_(tape, logits, {.labels = lesson.labels, .options = {.reduction = reduction::mean_valid()}});
  }

  /// With the t of the next step: what a run that goes on later has to save and put back.
  taid_schedule& schedule() { return schedule_; }

 private:
  taid_schedule schedule_;
  double labels_;
  nn::criterion<T, distill::taid> loss_{distill::taid{}};
  nn::criterion<T, weighted_sum<cross_entropy>> truth_;
};

}  // namespace recipes
DISTILL_NAMESPACE_END
