// Norm and direction of features beside distillation.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../method/norm_direction.hpp"
#include "../nn/batch_norm.hpp"
#include "../nn/computed_loss.hpp"
#include "../nn/criterion.hpp"
#include "../nn/dropout.hpp"
#include "../nn/linear.hpp"
#include "../nn/network_shapes.hpp"
#include "../nn/pooled_rows.hpp"
#include "../nn/sequential.hpp"
#include "../objective/cross_entropy.hpp"
#include "../objective/kl.hpp"
#include "../state/class_means.hpp"
#include "detail/require.hpp"
#include "info.hpp"
#include "recipe.hpp"
#include "study.hpp"

DISTILL_NAMESPACE_BEGIN
namespace recipes {

/// Weights as published for CIFAR-100; factor up to 4 there. warm_up: by which share of the training the distillation
/// has its full weight (20 of 240 epochs); 0: at once. dropout: of the projector.
struct nd_options {
  double labels = 1, distillation = 1, factor = 1;
  double temperature = 4;
  double warm_up = 20.0 / 240;
  double dropout = 0.5;
  std::uint64_t seed = 0;
};

/// KD++: the student's feature is to be as long as the teacher's at least and to point to the teacher's mean of the
/// class, beside knowledge distillation.
///
///     L = labels · CE(z_s, y) + distillation · min(1, progress/warm_up) · T² KL(p_t‖p_s)
///         + factor · mean_i (1 − ⟨f, e_c⟩/max(‖f‖, ‖f_t‖)),  e_c = μ_c/‖μ_c‖, c the class of the lesson
///
/// f is the student's last tap, maps averaged over pixels and sequences over tokens; if it is not as wide as the
/// teacher's feature f_t, a projector (batch norm, dropout, linear) that learns along stands between. The class means μ
/// come from one pass of the teacher over the training set:
///
///     class_means<float> means(10, 128);
///     for (…) means.add(teacher_features, classes);
///     recipes::nd<float> method(student, {1, 784}, means);
///
/// Source: Wang et al. 2023, arXiv 2305.17007, and WangYZ1608/Knowledge-Distillation-via-ND, whose warm-up rises with
/// the epochs, here with the steps.
template <class T>
class nd : public recipe<T> {
 public:
  using options = nd_options;
  static constexpr recipe_info info{.name = "nd",
                                    .title = "ND (KD++)",
                                    .idea = "features as long as the teacher's, towards its mean of the class",
                                    .source = "arXiv 2305.17007",
                                    .how = closeness::code};

  /// For students like this one and inputs of this shape, 1×1×28×28 say.
  /// @throws argument_error  options out of range, class means of another number of classes than the student's
  nd(const nn::network<T>& student, const nn::tensor_shape& input, class_means<T> means, const nd_options& o = {})
      : options_(checked(o)), means_(std::move(means)) {
    const nn::network_shapes shapes(student, input);
    if (means_.classes() != shapes.logits[1])
      fail("nd: the class means are of ", means_.classes(), " classes, ", shapes.logits[1], " expected");
    if (const index width = nn::pooled_rows<T>::width(shapes.last()); width != means_.features()) {
      projector_.add("norm", nn::batch_norm<T>(width));
      projector_.add("dropout", nn::dropout<T>(o.dropout, o.seed));
      projector_.add("linear", nn::linear<T>(width, means_.features(), o.seed + 1));
      projector_.place_at("projector");
    }
  }

  /// With the means of the study's features.
  explicit nd(const study<T>& s, const nd_options& o = {}) : nd(s.student, s.input, s.mean_features(), o) {}

  double record(nn::tape<T>& tape, nn::network<T>& student, const lesson<T>& lesson) override {
    if (!lesson.teacher_feature)
      fail("nd: the lesson's teacher_feature is empty, batch×", means_.features(), " expected");
    detail::require_share("nd: the lesson's progress", lesson.progress);
    const index_view& classes = detail::require_classes("nd", lesson);
    const auto out = student.run(tape, tape.constant(lesson.input));
    const double risen = options_.warm_up > 0 ? std::min(1.0, lesson.progress / options_.warm_up) : 1;
    loss_.objective() =
        options_.labels * cross_entropy{} + (risen * options_.distillation) * kl{.temperature = options_.temperature};
    const double loss =
        loss_(tape, out.logits,
              {.teacher = lesson.teacher, .labels = lesson.labels, .options = {.reduction = reduction::mean_valid()}});

    const nn::variable feature = projector_.forward(tape, pooled_.forward(tape, out.last()));
    return loss + nn::computed_loss(tape, {feature}, [&](const auto& to) {
             return value_and_gradient(norm_direction{options_.factor},
                                       direction_features<T>{.student = tape.value(feature).matrix(),
                                                             .teacher = lesson.teacher_feature,
                                                             .labels = classes,
                                                             .class_means = means_.means()},
                                       {.student = to[0]}, {.execution = tape.resources()}, workspace_);
           });
  }
  /// The projector's, if there is one.
  std::vector<nn::parameter<T>*> parameters() override { return projector_.parameters(); }

 private:
  static const nd_options& checked(const nd_options& o) {
    detail::require_weight("nd: labels", o.labels);
    detail::require_weight("nd: distillation", o.distillation);
    detail::require_weight("nd: factor", o.factor);
    detail::require_positive("nd: temperature", o.temperature);
    detail::require_share("nd: warm_up", o.warm_up);
    return o;
  }

  nd_options options_;
  class_means<T> means_;
  nn::sequential<T> projector_;
  nn::pooled_rows<T> pooled_;
  nn::criterion<T, weighted_sum<cross_entropy, kl>> loss_{cross_entropy{} + 1.0 * kl{}};
  pair_workspace<T> workspace_;
};

}  // namespace recipes
DISTILL_NAMESPACE_END
