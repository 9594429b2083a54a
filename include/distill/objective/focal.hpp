#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"
#include "detail/labels.hpp"

DISTILL_NAMESPACE_BEGIN

/// Focal loss: cross-entropy that looks away from what is already right.
///   value     -T² (1-p_y)^γ log p_y
///   student   T f' (e_y - p_s),  f' = γ (1-p_y)^{γ-1} p_y log p_y - (1-p_y)^γ
/// γ >= 0; γ = 0 is cross_entropy. Labels as there.
/// Source: Lin et al. 2017, arXiv 1708.02002, eq. 4.
struct focal {
  double gamma = 2;
  index ignore_index = -100;
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "focal",
                                       .formula = "−T² (1−p_y)^γ log p_y",
                                       .source = "Lin et al. 2017, arXiv 1708.02002, eq. 4",
                                       .gradient = "T f′ (e_y − p_s)",
                                       .systems = "focal loss",
                                       .uses_teacher = false,
                                       .uses_labels = true,
                                       .zero_at_equality = false};

  void validate(index) const {
    if (!(gamma >= 0) || std::isinf(gamma)) fail("focal: gamma is ", gamma, ", must be finite and not negative");
  }
  bool counts(index label) const { return label != ignore_index; }
  void validate_label(index row, index label, index columns) const {
    detail::require_label(row, label, columns, ignore_index);
  }

  template <class Number>
  closed_form<1, Number> evaluate(const row_statistics<1, Number>& row) const {
    using std::exp, std::expm1, std::pow;
    const Number log_p = row.site[0].label_log_p, p = exp(log_p), miss = -expm1(log_p);
    const Number focus = pow(miss, gamma);
    // At p = 1 the product is a limit: miss^{γ-1} log p tends to -miss^γ.
    const Number pull = p == 0 || gamma == 0 ? Number(0) : gamma * p * (miss == 0 ? -focus : focus / miss * log_p);
    const Number slope = pull - focus;
    return {.value = mass_times(-focus, log_p), .mass = {-slope}, .patch = {slope}};
  }
};

DISTILL_NAMESPACE_END
