#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"
#include "detail/rest.hpp"
#include "detail/target_class.hpp"
#include "kl.hpp"

DISTILL_NAMESPACE_BEGIN

/// Decoupled knowledge distillation: the target class against the rest, and the rest among themselves.
///   value     T² [α KL(b_t‖b_s) + β KL(q_t‖q_s)],  b = (p_y, 1 - p_y), q = softmax of z/T over the classes but y
///   student   at y: α T (p_s,y - p_t,y); elsewhere -α T (p_s,y - p_t,y) q_s + β T (q_s - q_t)
///   teacher   the whole derivative likewise
/// The label is held out of the sums, not subtracted: p_y comes from the log-odds z_y/T - log Σ_{j≠y} e^{z_j/T}. With
/// two classes the second part is 0. Rows with label `ignore_index` do not take part. Source: Zhao et al. 2022, arXiv
/// 2203.08679, eq. 7; defaults of its CIFAR runs.
struct dkd {
  double alpha = 1, beta = 8;
  index ignore_index = -100;
  row_parameter temperature = 4;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{
      .name = "dkd",
      .formula = "T² [α KL(b_t‖b_s) + β KL(q_t‖q_s)]",
      .source = "Zhao et al. 2022, arXiv 2203.08679, eq. 7",
      .gradient = "at y α T (p_s,y − p_t,y); else −α T (p_s,y − p_t,y) q_s + β T (q_s − q_t)",
      .systems = "DKD, DKD++",
      .uses_labels = true};

  auto expression() const {
    return alpha * detail::target_class_kl{ignore_index, temperature, scaling} +
           beta * detail::rest_of<kl>{{{temperature, scaling}, ignore_index}};
  }
};

DISTILL_NAMESPACE_END
