#pragma once

#include <array>

#include "../row/algebra.hpp"
#include "../row/objective.hpp"
#include "kl.hpp"

DISTILL_NAMESPACE_BEGIN

/// KL at several temperatures at once: the per-row part of multi-level logit distillation.
///   value     Σ_T T² KL(p_t‖p_s at T)
///   student   Σ_T T (p_s - p_t)
/// Source: Jin et al. 2023 (MLKD), CVPR
struct multi_level_kl {
  std::array<double, 5> temperatures{4, 3, 5, 2, 6};
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "multi_level_kl",
                                       .formula = "Σ_T T² Σ p_t (log p_t − log p_s)",
                                       .source = "Jin et al. 2023 (MLKD), CVPR",
                                       .gradient = "Σ_T T (p_s − p_t)",
                                       .systems = "MLKD"};

  auto expression() const {
    const auto at = [&](std::size_t k) { return kl{temperatures[k], scaling}; };
    return at(0) + at(1) + at(2) + at(3) + at(4);
  }
};

DISTILL_NAMESPACE_END
