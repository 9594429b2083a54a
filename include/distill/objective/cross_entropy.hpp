#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"
#include "detail/labels.hpp"

DISTILL_NAMESPACE_BEGIN

/// Cross-entropy with the label y, optionally smoothed: q = (1-ε) · onehot(y) + ε / V over the V classes with a logit
/// above -inf (a masked class is as if it were deleted).
///   value     T² [-(1-ε) log p_y - ε mean_i log p_i]
///   student   T (p - q)
/// Rows whose label is `ignore_index` count as absent: value 0, gradient 0, and not part of a mean over valid rows.
/// Other labels outside [0, columns) are an argument_error. A label on a masked class: value +inf, gradient T (p - q).
/// Source: Szegedy et al. 2016, arXiv 1512.00567, §7 (label smoothing).
struct cross_entropy {
  double label_smoothing = 0;
  index ignore_index = -100;
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "cross_entropy",
                                       .formula = "T² [−(1−ε) log p_y − ε mean_i log p_i]",
                                       .source = "Szegedy et al. 2016, arXiv 1512.00567, §7",
                                       .gradient = "T (p − q)",
                                       .systems = "every labelled loss, UniversalNER, FM2DS",
                                       .uses_teacher = false,
                                       .uses_labels = true,
                                       .zero_at_equality = false};

  void validate(index) const {
    if (!(label_smoothing >= 0 && label_smoothing <= 1))
      fail("cross_entropy: label_smoothing is ", label_smoothing, ", must lie in [0, 1]");
  }
  bool needs_mean() const { return label_smoothing > 0; }
  bool counts(index label) const { return label != ignore_index; }
  void validate_label(index row, index label, index columns) const {
    detail::require_label(row, label, columns, ignore_index);
  }

  template <class Number>
  closed_form<1, Number> evaluate(const row_statistics<1, Number>& row) const {
    const site_summary<Number>& student = row.site[0];
    closed_form<1, Number> result;
    // At ε = 1 the label's own term is absent, not 0 · inf; likewise the mean at ε = 0.
    if (label_smoothing < 1) result.value -= (1 - label_smoothing) * student.label_log_p;
    if (label_smoothing > 0) {
      result.value -= label_smoothing * student.mean_log_p;
      result.spread[0] = -label_smoothing / static_cast<double>(student.kept);
    }
    result.mass[0] = 1;
    result.patch[0] = label_smoothing - 1;
    return result;
  }
};

DISTILL_NAMESPACE_END
