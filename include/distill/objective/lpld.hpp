#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"
#include "kl.hpp"

DISTILL_NAMESPACE_BEGIN

/// KL from a teacher without its background class: the detector's pseudo labels of low confidence.
///   value     T² Σ p̃ (log p̃ - log p_s),  p̃ the teacher's softmax without column `background`
///   student   T (p_s - p̃)
/// The published 1e-9 of background mass is left out. Weigh the rows with 1 - cos of the region features.
/// Source: Yoon et al. 2024 (LPLD), arXiv 2407.13524.
struct lpld {
  index background = -1;  ///< counted from the last column when negative
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "lpld",
                                       .formula = "T² Σ p̃ (log p̃ − log p_s), p̃ = teacher without its background",
                                       .source = "Yoon et al. 2024, arXiv 2407.13524",
                                       .gradient = "T (p_s − p̃)",
                                       .systems = "LPLD",
                                       .zero_at_equality = false};

  site_pair sites() const {
    row_mix teacher = row_mix::of(input::teacher);
    teacher.columns = {.which = kept_columns::rule::without_column, .column = background};
    return {site{row_mix::of(input::student), temperature}, {teacher, temperature}};
  }
  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V> operator()(const element<V>& x) const {
    return kl{}(x);
  }
};

DISTILL_NAMESPACE_END
