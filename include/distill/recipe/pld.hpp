// Plackett-Luce distillation.
#pragma once

#include "../config.hpp"
#include "../nn/criterion.hpp"
#include "../objective/pld.hpp"
#include "detail/require.hpp"
#include "info.hpp"
#include "recipe.hpp"

DISTILL_NAMESPACE_BEGIN
namespace recipes {

/// PLD: the student learns the teacher's order of the classes, the label first. One loss, no cross-entropy beside it.
///
///     L = mean_i Σ_k α_k [log Σ_{j≥k} exp s_π(j) − s_π(k)],  π = the class of the lesson, then the teacher's order,
///     α = softmax(t/τ) along π
///
/// Source: arXiv 2506.12542, §4 and the listing in appendix C.
template <class T>
class pld : public recipe<T> {
 public:
  using options = distill::pld;
  static constexpr recipe_info info{.name = "pld",
                                    .title = "PLD",
                                    .idea = "the teacher's order of the classes, the label first",
                                    .source = "arXiv 2506.12542",
                                    .how = closeness::code};

  /// @throws argument_error  a negative head, a temperature that is not positive
  explicit pld(const options& loss = {}) : loss_(loss) {
    loss.validate(0);
    for (index i = 0; i < (loss.temperature.varies() ? loss.temperature.size() : 1); ++i)
      detail::require_positive("pld: temperature", loss.temperature[i]);
  }

  double record(nn::tape<T>& tape, nn::network<T>& student, const lesson<T>& lesson) override {
    const index_view& classes = detail::require_classes("pld", lesson);
    const nn::variable logits = student.forward(tape, tape.constant(lesson.input));
    return loss_(tape, logits, {.teacher = lesson.teacher, .labels = classes}).value;
  }

 private:
  nn::criterion<T, distill::pld> loss_;
};

}  // namespace recipes
DISTILL_NAMESPACE_END
