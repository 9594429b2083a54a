#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"
#include "cross_entropy.hpp"
#include "soft_cross_entropy.hpp"

DISTILL_NAMESPACE_BEGIN

/// Progressive self-distillation: hard labels mixed with one's own past predictions.
///   value     (1-α) [-log p_y] + α [-Σ P log p_s],  P the past prediction, given as the teacher's row
///   student   p_s - (1-α) e_y - α P
/// Pass the past as `.teacher = probabilities(P)`, or its logits. α grows with the epochs: `ps_kd::share(e, E)`.
/// Source: Kim et al. 2021, arXiv 2006.12000.
struct ps_kd {
  double alpha = 0.8;
  index ignore_index = -100;

  static constexpr objective_info info{.name = "ps_kd",
                                       .formula = "(1−α) [−log p_y] + α [−Σ P log p_s]",
                                       .source = "Kim et al. 2021, arXiv 2006.12000",
                                       .gradient = "p_s − (1−α) e_y − α P",
                                       .systems = "PS-KD",
                                       .uses_labels = true,
                                       .zero_at_equality = false};

  /// α of epoch e = 0, 1, …, epochs - 1.
  static double share(index epoch, index epochs, double last = 0.8) {
    if (epochs < 1) fail("ps_kd: epochs is ", epochs, ", must be positive");
    return last * static_cast<double>(epoch + 1) / static_cast<double>(epochs);
  }
  auto expression() const {
    if (!(alpha >= 0 && alpha <= 1)) fail("ps_kd: alpha is ", alpha, ", must lie in [0, 1]");
    return (1 - alpha) * cross_entropy{.ignore_index = ignore_index} + alpha * soft_cross_entropy{};
  }
};

DISTILL_NAMESPACE_END
