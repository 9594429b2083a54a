// Distillation with a transport plan between the samples.
#pragma once

#include "../config.hpp"
#include "../nn/criterion.hpp"
#include "../nn/feature_criterion.hpp"
#include "../objective/cross_entropy.hpp"
#include "../objective/sinkd.hpp"
#include "../objective/soft_cross_entropy.hpp"
#include "detail/require.hpp"
#include "info.hpp"
#include "recipe.hpp"

DISTILL_NAMESPACE_BEGIN
namespace recipes {

/// Published for GLUE: alpha 0.8 to 1, temperature 1 to 4. `transport` is as published there, too: a sum over the
/// batch, so that its weight grows with the batch. `.scale = 1, .mean = true` makes it a mean.
struct sinkd_options {
  double alpha = 0.8;      ///< share of the soft labels; 1 − alpha that of the labels
  double beta = 0.8;       ///< weight of the transport
  double temperature = 2;  ///< of the soft labels
  distill::sinkd transport{.scale = 0.001, .mean = false};  ///< has a temperature of its own
};

/// SinKD: beside labels and soft labels, what it costs to carry the student's batch of probabilities to the teacher's.
///
///     L = (1 − α) CE(z_s, y) + α mean_i −Σ p_t log p_s + β · scale · Σ_ij P_ij ‖p_s,i − p_t,j‖₁
///
/// P comes from `iterations` of Sinkhorn's at ε, and the gradient goes through them. The soft labels are without T².
/// Source: Cui et al. 2024, arXiv 2402.17110, and 2018cx/SinKD (batch-wise form).
template <class T>
class sinkd : public recipe<T> {
 public:
  using options = sinkd_options;
  static constexpr recipe_info info{.name = "sinkd",
                                    .title = "SinKD",
                                    .idea = "the cost of carrying the student's batch to the teacher's",
                                    .source = "arXiv 2402.17110",
                                    .how = closeness::code};

  /// @throws argument_error  alpha not in [0, 1], beta negative, temperature not positive
  explicit sinkd(const sinkd_options& o = {}) : beta_(o.beta), loss_(loss_of(o)), transport_(o.transport) {}

  double record(nn::tape<T>& tape, nn::network<T>& student, const lesson<T>& lesson) override {
    const nn::variable logits = student.forward(tape, tape.constant(lesson.input));
    const double loss =
        loss_(tape, logits,
              {.teacher = lesson.teacher, .labels = lesson.labels, .options = {.reduction = reduction::mean_valid()}});
    return loss + beta_ * transport_(tape, logits, lesson.teacher, beta_);
  }

 private:
  using objective = weighted_sum<cross_entropy, soft_cross_entropy>;

  static objective loss_of(const sinkd_options& o) {
    detail::require_share("sinkd: alpha", o.alpha);
    detail::require_weight("sinkd: beta", o.beta);
    detail::require_positive("sinkd: temperature", o.temperature);
    detail::require_positive("sinkd: transport.temperature", o.transport.temperature);
    detail::require_positive("sinkd: transport.epsilon", o.transport.epsilon);
    detail::require_weight("sinkd: transport.scale", o.transport.scale);
    if (o.transport.iterations < 1)
      fail("sinkd: transport.iterations is ", o.transport.iterations, ", at least 1 expected");
    return (1 - o.alpha) * cross_entropy{} +
           o.alpha * soft_cross_entropy{.temperature = o.temperature, .scaling = temperature_scaling::none};
  }

  double beta_;
  nn::criterion<T, objective> loss_;
  nn::feature_criterion<T, distill::sinkd> transport_;
};

}  // namespace recipes
DISTILL_NAMESPACE_END
