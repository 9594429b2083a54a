// Plackett-Luce distillation.
#pragma once

#include "../config.hpp"
#include "../nn/criterion.hpp"
#include "../objective/pld.hpp"
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

  explicit pld(const options& loss = {}) : loss_(loss) {}

  double record(nn::tape<T>& tape, nn::network<T>& student, const lesson<T>& lesson) override {
    const nn::variable logits = student.forward(tape, tape.constant(lesson.input));
    return loss_(tape, logits, {.teacher = lesson.teacher, .labels = lesson.classes}).value;
  }

 private:
  nn::criterion<T, distill::pld> loss_;
};

}  // namespace recipes
DISTILL_NAMESPACE_END
