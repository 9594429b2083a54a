// Balanced divergences between two networks that learn together.
#pragma once

#include <vector>

#include "../config.hpp"
#include "../nn/criterion.hpp"
#include "../objective/bd_kd.hpp"
#include "../objective/cross_entropy.hpp"
#include "../objective/reverse_kl.hpp"
#include "detail/require.hpp"
#include "info.hpp"
#include "recipe.hpp"
#include "study.hpp"

DISTILL_NAMESPACE_BEGIN
namespace recipes {

/// δ ≥ 1 as published: how much the heavier divergence weighs. The weights of the divergences, λ_s and λ_t, of the
/// cross-entropies 1.
struct bd_kd_options {
  double delta = 2;
  double temperature = 1;
  double student = 1;  ///< λ_s
  double teacher = 1;  ///< λ_t
};

/// BD-KD: student and teacher learn at the same time, each from the labels and from the other as it is now.
///
///     L_S = CE(z_s, y) + λ_s T² mean_i [a_i KL(p_t‖p_s) + b_i KL(p_s‖p_t)],  (a, b) = (1, δ) where H(p_s) > H(p_t),
///                                                                            else (δ, 1)
///     L_T = CE(z_t, y) + λ_t T² mean_i KL(p_t‖p_s)
///
/// L_S moves the student alone, L_T the teacher alone; their sum is recorded. The lesson's teacher plays no part.
/// Source: Amara et al. 2022, arXiv 2212.12965, from its abstract and summaries: the weights and the switch are the
/// options of distill::bd_kd.
template <class T>
class bd_kd : public recipe<T> {
 public:
  using options = bd_kd_options;
  static constexpr recipe_info info{.name = "bd_kd",
                                    .title = "BD-KD",
                                    .idea = "two networks learn together, the divergences balanced for each sample",
                                    .source = "arXiv 2212.12965",
                                    .how = closeness::reconstructed};

  /// The teacher must outlive the recipe.
  /// @throws argument_error  delta below 1, temperature not positive, a negative weight
  explicit bd_kd(nn::network<T>& teacher, const bd_kd_options& o = {})
      : teacher_(&teacher), to_student_(of_student(o)), to_teacher_(of_teacher(o)) {}

  /// With the study's teacher.
  explicit bd_kd(const study<T>& s, const bd_kd_options& o = {}) : bd_kd(s.teacher, o) {}

  double record(nn::tape<T>& tape, nn::network<T>& student, const lesson<T>& lesson) override {
    const nn::variable input = tape.constant(lesson.input);
    const nn::variable s = student.forward(tape, input), t = teacher_->forward(tape, input);
    if (tape.shape(s) != tape.shape(t))
      fail("bd_kd: the teacher gives ", tape.shape(t).text(), ", ", tape.shape(s).text(), " expected, as the student");
    // Each is data to the other's loss.
    return of(tape, to_student_, s, t, lesson) + of(tape, to_teacher_, t, s, lesson);
  }
  /// The teacher's.
  std::vector<nn::parameter<T>*> parameters() override { return teacher_->parameters(); }

 private:
  using student_loss = decltype(cross_entropy{} + 1.0 * distill::bd_kd{});
  using teacher_loss = weighted_sum<cross_entropy, reverse_kl>;  // its own distribution comes first: KL(p_t‖p_s)

  static student_loss of_student(const bd_kd_options& o) {
    if (!(o.delta >= 1) || std::isinf(o.delta)) fail("bd_kd: delta is ", o.delta, ", finite and at least 1 expected");
    detail::require_positive("bd_kd: temperature", o.temperature);
    detail::require_weight("bd_kd: student", o.student);
    detail::require_weight("bd_kd: teacher", o.teacher);
    return cross_entropy{} + o.student * distill::bd_kd{.delta = o.delta, .temperature = o.temperature};
  }
  static teacher_loss of_teacher(const bd_kd_options& o) {
    return cross_entropy{} + o.teacher * reverse_kl{.temperature = o.temperature};
  }
  template <class Loss>
  static double of(nn::tape<T>& tape, Loss& loss, nn::variable own, nn::variable other, const lesson<T>& lesson) {
    return loss(tape, own,
                {.teacher = tape.value(other).matrix(),
                 .labels = lesson.labels,
                 .options = {.reduction = reduction::mean_valid()}});
  }

  nn::network<T>* teacher_;
  nn::criterion<T, student_loss> to_student_;
  nn::criterion<T, teacher_loss> to_teacher_;
};

}  // namespace recipes
DISTILL_NAMESPACE_END
