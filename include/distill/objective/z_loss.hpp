#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// Squared log-normaliser, which keeps the logits from drifting.
///   value     T² lse(z_s/T)²
///   student   2 T lse(z_s/T) p_s
/// Source: Chowdhery et al. 2022 (PaLM), arXiv 2204.02311
struct z_loss {
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "z_loss",
                                       .formula = "T² (log Σ e^(z_s/T))²",
                                       .source = "Chowdhery et al. 2022 (PaLM), arXiv 2204.02311",
                                       .gradient = "2 T lse p_s",
                                       .systems = "PaLM, Fast-LLM",
                                       .uses_teacher = false,
                                       .zero_at_equality = false,
                                       .shift_invariant = false};

  template <class Number>
  closed_form<1, Number> evaluate(const row_statistics<1, Number>& row) const {
    const Number lse = row.site[0].log_sum_exp();
    return {.value = lse * lse, .mass = {2 * lse}};
  }
};

DISTILL_NAMESPACE_END
