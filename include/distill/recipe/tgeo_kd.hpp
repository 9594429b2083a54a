// Trilateral geometry decides how much of the teacher and how much of the label.
#pragma once

#include <functional>
#include <numeric>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../nn/criterion.hpp"
#include "../nn/look_ahead.hpp"
#include "../objective/cross_entropy.hpp"
#include "../objective/kl.hpp"
#include "../select/geometry_features.hpp"
#include "detail/require.hpp"
#include "info.hpp"
#include "ratio_network.hpp"
#include "recipe.hpp"
#include "study.hpp"

DISTILL_NAMESPACE_BEGIN
namespace recipes {

struct tgeo_kd_options {
  double temperature = 4;               ///< τ
  double look_ahead = 0.05;             ///< η, the student's rate in the step that is tried
  std::optional<double> fixed_ratio{};  ///< α of every sample; nothing is learned
  geometry_form form = geometry_form::vertices_and_squares;
  ratio_network_options ratio{};
};

/// TGeo-KD: a small network looks at how student, teacher, truth and the class's mean teacher stand to each other and
/// decides how much of the teacher and how much of the truth the student learns of a sample.
///
///     L(θ, α) = mean_i [α_i τ² KL(p_t‖p_s) + (1 − α_i) CE(z_s, y)],  α_i = σ(MLP_ω(geometry of sample i))
///
/// α is a constant to the student. ω learns first, by what a step would do to samples the student never sees:
///
///     θ′ = θ − η ∇_θ L(θ, α),  J = mean CE(z(θ′), y) over a validation lesson,  v = ∇J(θ′)
///     dJ/dα_i = −(η/n) ⟨τ(p_s^τ − p_t^τ)_i − (p_s − 1_y)_i, (J_z v)_i⟩,  J_z v the derivative of z(θ) along v
///
/// y is the class of the lesson: a sample without a label goes by what the teacher takes it for. Source: Hu et al.
/// 2024, arXiv 2312.15112; how the two levels are solved is left open there, one step ahead is a third party's way.
template <class T>
class tgeo_kd : public recipe<T> {
 public:
  using options = tgeo_kd_options;
  static constexpr recipe_info info{.name = "tgeo",
                                    .title = "TGeo-KD",
                                    .idea = "sample by sample, how much of the teacher, from how all stand",
                                    .source = "arXiv 2312.15112",
                                    .how = closeness::reconstructed,
                                    .validates = true};

  /// class_means is C × C, the teacher's mean probabilities of each class (copied), validation() gives labelled samples
  /// at every step; a fixed ratio needs neither. A twin, the student over dual numbers, must outlive the recipe.
  /// @throws argument_error  options that cannot be, what is missing, what geometry_features throws
  explicit tgeo_kd(const tgeo_kd_options& o, const matrix_view<const T>& class_means = {},
                   std::function<lesson<T>()> validation = {}, nn::layer<dual<T>>* twin = nullptr)
      : options_(o), validation_(std::move(validation)), twin_(twin) {
    detail::require_positive("tgeo_kd: temperature", o.temperature);
    detail::require_positive("tgeo_kd: look_ahead", o.look_ahead);
    detail::require_share("tgeo_kd: fixed_ratio", o.fixed_ratio.value_or(0));
    if (o.fixed_ratio) return;
    if (!validation_) fail("tgeo_kd: validation is empty, a function that returns a lesson expected, or a fixed_ratio");
    features_.emplace(class_means, o.form);
    ratio_.emplace(features_->width(), o.ratio);
  }

  /// With the mean probabilities and the unseen samples of the study.
  explicit tgeo_kd(const study<T>& s, const tgeo_kd_options& o = {})
      : tgeo_kd(o, o.fixed_ratio ? matrix_view<const T>() : s.mean_probabilities().means(), s.unseen) {}

  double record(nn::tape<T>& tape, nn::network<T>& student, const lesson<T>& lesson) override {
    const nn::variable logits = student.forward(tape, tape.constant(lesson.input));
    const matrix_view<const T> z = tape.value(logits).matrix();
    if (options_.fixed_ratio) {
      fixed_.assign(static_cast<std::size_t>(z.rows), static_cast<T>(*options_.fixed_ratio));
      alpha_ = fixed_;
    } else {
      geometry_.resize(static_cast<std::size_t>(z.rows * features_->width()));
      const nn::tensor_view<T> geometry(geometry_.data(), {z.rows, features_->width()});
      (*features_)(z, lesson.teacher, lesson.classes, geometry.matrix());
      alpha_ = ratio_->decide(geometry);
      ratio_->learn(hypergradient(tape, student, z, lesson));
      alpha_ = ratio_->decide(geometry);
    }
    return blend(tape, logits, lesson);
  }

  /// α of the last lesson's samples, its J, and what decides; null if α is fixed.
  std::span<const T> ratios() const { return alpha_; }
  double validation_loss() const { return validation_loss_; }
  ratio_network<T>* ratio() { return ratio_ ? &*ratio_ : nullptr; }

 private:
  /// L(θ, α); a weight of 0 takes a sample out
  double blend(nn::tape<T>& tape, nn::variable logits, const lesson<T>& lesson) {
    const row_parameter alpha(alpha_);
    const double taught = teacher_(tape, logits, {.teacher = lesson.teacher, .options = {.weights = alpha}}).value;
    return taught + truth_(tape, logits, {.labels = lesson.classes, .options = {.weights = alpha.complement()}}).value;
  }

  std::span<const T> hypergradient(const nn::tape<T>& tape, nn::network<T>& student, const matrix_view<const T>& z,
                                   const lesson<T>& lesson) {
    const auto unseen = validation_();
    if (!unseen.labels) fail("tgeo_kd: labels of the validation lesson are missing, one a sample expected");
    if (std::exchange(student_, &student) != &student) ahead_.emplace(student, twin_);
    for (auto* of : {&moved_, &trade_}) of->resize(static_cast<std::size_t>(z.rows * z.columns));
    to_alpha_.resize(alpha_.size());
    validation_loss_ = (*ahead_)(
        tape, options_.look_ahead, lesson.input,
        [&](nn::tape<T>& on) { return blend(on, student.forward(on, on.constant(lesson.input)), lesson); },
        [&](nn::tape<T>& on) {
          const nn::variable logits = student.forward(on, on.constant(unseen.input));
          return truth_(on, logits, {.labels = unseen.labels, .options = {.reduction = reduction::mean_valid()}}).value;
        },
        moved_);
    value_and_gradient(trade_off_, {.student = z, .teacher = lesson.teacher, .labels = lesson.classes},
                       {.student = matrix_view<T>(trade_.data(), z.rows, z.columns)}, {.reduction = reduction::sum()},
                       workspace_);
    const double factor = -options_.look_ahead / static_cast<double>(z.rows);
    auto move = moved_.begin(), pull = trade_.begin();
    for (T& to : to_alpha_) {
      to = static_cast<T>(factor * std::inner_product(pull, pull + z.columns, move, 0.0));
      pull += z.columns, move += z.columns;
    }
    return to_alpha_;
  }

  tgeo_kd_options options_;
  nn::criterion<T, kl> teacher_{kl{.temperature = options_.temperature}};
  nn::criterion<T, cross_entropy> truth_{{}};
  decltype(kl{} + -1.0 * cross_entropy{}) trade_off_ = kl{.temperature = options_.temperature} + -1.0 * cross_entropy{};
  row_workspace<T> workspace_;
  std::optional<geometry_features<T>> features_;
  std::optional<ratio_network<T>> ratio_;
  std::function<lesson<T>()> validation_;
  nn::layer<dual<T>>* twin_ = nullptr;
  std::optional<nn::look_ahead<T>> ahead_;
  const nn::network<T>* student_ = nullptr;
  std::vector<T> fixed_, geometry_, moved_, trade_, to_alpha_;
  std::span<const T> alpha_;
  double validation_loss_ = 0;
};

}  // namespace recipes
DISTILL_NAMESPACE_END
