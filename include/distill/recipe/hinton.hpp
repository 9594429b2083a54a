// Knowledge distillation as it began.
#pragma once

#include "../config.hpp"
#include "../nn/criterion.hpp"
#include "../objective/cross_entropy.hpp"
#include "../objective/kl.hpp"
#include "detail/require.hpp"
#include "info.hpp"
#include "recipe.hpp"

DISTILL_NAMESPACE_BEGIN
namespace recipes {

/// Weights of the two losses: those of mdistiller, where nothing else is said. With `distillation` 0 it is plain
/// training, of a lesson with a teacher all the same.
struct hinton_options {
  double temperature = 4;
  double labels = 0.1;
  double distillation = 0.9;
};

/// The teacher's softened probabilities beside the labels: what every other method is measured by.
///
///     L = labels · CE(z_s, y) + distillation · T² KL(p_t ‖ p_s),  p = softmax(z/T)
///
/// CE is a mean over the samples whose label is known, KL over all of them.
/// Source: Hinton, Vinyals, Dean 2015, arXiv 1503.02531; the weights as in megvii-research/mdistiller.
template <class T>
class hinton : public recipe<T> {
 public:
  using options = hinton_options;
  static constexpr recipe_info info{.name = "hinton",
                                    .title = "KD",
                                    .idea = "the teacher's softened probabilities beside the labels",
                                    .source = "arXiv 1503.02531",
                                    .how = closeness::code};

  /// @throws argument_error  temperature not positive, a negative weight
  explicit hinton(const hinton_options& o = {}) : loss_(loss_of(o)) {}

  double record(nn::tape<T>& tape, nn::network<T>& student, const lesson<T>& lesson) override {
    const nn::variable logits = student.forward(tape, tape.constant(lesson.input));
    return loss_(
               tape, logits,
               {.teacher = lesson.teacher, .labels = lesson.labels, .options = {.reduction = reduction::mean_valid()}})
        .value;
  }

 private:
  using objective = weighted_sum<cross_entropy, kl>;

  static objective loss_of(const hinton_options& o) {
    detail::require_positive("hinton: temperature", o.temperature);
    detail::require_weight("hinton: labels", o.labels);
    detail::require_weight("hinton: distillation", o.distillation);
    return o.labels * cross_entropy{} + o.distillation * kl{.temperature = o.temperature};
  }

  nn::criterion<T, objective> loss_;
};

}  // namespace recipes
DISTILL_NAMESPACE_END
