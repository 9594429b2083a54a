// One for all: distillation between kinds of networks.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../nn/criterion.hpp"
#include "../nn/model/exit_branch.hpp"
#include "../nn/network_shapes.hpp"
#include "../nn/pooled_rows.hpp"
#include "../objective/cross_entropy.hpp"
#include "../objective/ofa.hpp"
#include "detail/require.hpp"
#include "info.hpp"
#include "recipe.hpp"
#include "study.hpp"

DISTILL_NAMESPACE_BEGIN
namespace recipes {

/// stages: the taps that get an exit, all of them if empty. gamma: one for all, or one for each exit and then the
/// head's. teacher_width: of the teacher's feature; exits on maps are as wide as the wider of the two networks.
struct ofa_kd_options {
  double labels = 1, distillation = 1, exits = 1;
  std::vector<double> gamma = {1};
  double temperature = 1;
  ofa_form form = ofa_form::paper;
  std::vector<index> stages{};
  index teacher_width = 0;
  index heads = 4;
  std::uint64_t seed = 0;
};

/// OFA-KD: features of another kind of network cannot be compared, logits can. Exits between the stages turn the
/// student's features into logits, and each learns from the teacher with the target's class enhanced.
///
///     L = labels · CE(z_s, y) + distillation · ℓ(z_s; γ_head) + exits · Σ_k ℓ(exit_k(tap_k); γ_k)
///     ℓ(z; γ) = mean_i −Σ_{c≠y} p_t,c log p_c − (1 + p_t,y)^γ log p_y,  y the class of the lesson
///
/// ℓ as in the paper, or in the form of its code: objective/ofa.hpp. The exits (nn/model/exit_branch.hpp) learn along
/// and are not part of the student. Source: Hao et al. 2023, arXiv 2310.19444, and Hao840/OFAKD.
template <class T>
class ofa_kd : public recipe<T> {
 public:
  using options = ofa_kd_options;
  static constexpr recipe_info info{.name = "ofa_kd",
                                    .title = "OFA-KD",
                                    .idea = "exits between the stages, the target's class enhanced",
                                    .source = "arXiv 2310.19444",
                                    .how = closeness::code};

  /// For students like this one and inputs of this shape, 1×1×28×28 say.
  /// @throws argument_error  options out of range, a stage that the student has not, what exit_branch throws
  ofa_kd(const nn::network<T>& student, const nn::tensor_shape& input, const ofa_kd_options& o = {})
      : options_(o), truth_(o.labels * cross_entropy{}), loss_(1.0 * ofa{}) {
    const nn::network_shapes shapes(student, input);
    const index taps = std::ssize(shapes.taps);
    if (options_.stages.empty()) {
      options_.stages.resize(shapes.taps.size());
      std::iota(options_.stages.begin(), options_.stages.end(), index{0});
    }
    check(taps);
    if (options_.gamma.size() == 1) options_.gamma.resize(options_.stages.size() + 1, options_.gamma[0]);
    for (const index stage : options_.stages) {
      exits_.push_back(nn::exit_branch<T>(shapes.taps[static_cast<std::size_t>(stage)],
                                          {.outputs = shapes.logits[1],
                                           .behind = taps - 1 - stage,
                                           .width = std::max(nn::pooled_rows<T>::width(shapes.last()), o.teacher_width),
                                           .heads = o.heads,
                                           .seed = o.seed + static_cast<std::uint64_t>(stage)}));
      exits_.back().place_at("exit" + std::to_string(stage + 1));
    }
  }

  /// With the width of the study's features, unless the options have one.
  explicit ofa_kd(const study<T>& s, ofa_kd_options o = {})
      : ofa_kd(s.student, s.input, (o.teacher_width = std::max(o.teacher_width, s.teacher_features.columns), o)) {}

  double record(nn::tape<T>& tape, nn::network<T>& student, const lesson<T>& lesson) override {
    detail::require_classes("ofa_kd", lesson);
    const auto out = student.run(tape, tape.constant(lesson.input));
    double loss =
        truth_(tape, out.logits, {.labels = lesson.labels, .options = {.reduction = reduction::mean_valid()}});
    loss += enhanced(tape, out.logits, options_.distillation, options_.gamma.back(), lesson);
    for (std::size_t k = 0; k < exits_.size(); ++k) {
      const nn::variable tap = out.taps[static_cast<std::size_t>(options_.stages[k])];
      loss += enhanced(tape, exits_[k].forward(tape, tap), options_.exits, options_.gamma[k], lesson);
    }
    return loss;
  }
  /// The exits'.
  std::vector<nn::parameter<T>*> parameters() override {
    std::vector<nn::parameter<T>*> all;
    for (nn::sequential<T>& exit : exits_)
      for (nn::parameter<T>* p : exit.parameters()) all.push_back(p);
    return all;
  }

 private:
  double enhanced(nn::tape<T>& tape, nn::variable logits, double weight, double gamma, const lesson<T>& lesson) {
    loss_.objective() = weight * ofa{.gamma = gamma, .form = options_.form, .temperature = options_.temperature};
    return loss_(tape, logits, {.teacher = lesson.teacher, .labels = lesson.classes});
  }
  void check(index taps) const {
    const ofa_kd_options& o = options_;
    detail::require_weight("ofa_kd: labels", o.labels);
    detail::require_weight("ofa_kd: distillation", o.distillation);
    detail::require_weight("ofa_kd: exits", o.exits);
    detail::require_positive("ofa_kd: temperature", o.temperature);
    if (o.gamma.size() != 1 && o.gamma.size() != o.stages.size() + 1)
      fail("ofa_kd: gamma has ", o.gamma.size(), " entries, 1 or ", o.stages.size() + 1, " expected");
    for (const double gamma : o.gamma) detail::require_positive("ofa_kd: gamma", gamma);
    for (const index stage : o.stages) {
      if (stage < 0 || stage >= taps) fail("ofa_kd: stage is ", stage, ", 0 to ", taps - 1, " expected");
      if (const auto often = std::count(o.stages.begin(), o.stages.end(), stage); often > 1)
        fail("ofa_kd: stage ", stage, " is there ", often, " times, once expected");
    }
  }

  ofa_kd_options options_;
  std::vector<nn::sequential<T>> exits_;
  nn::criterion<T, weighted_sum<cross_entropy>> truth_;
  nn::criterion<T, sum_of<ofa>> loss_;
};

}  // namespace recipes
DISTILL_NAMESPACE_END
