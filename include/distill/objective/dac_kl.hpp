#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"
#include "kl.hpp"

DISTILL_NAMESPACE_BEGIN

/// KL over a band of the teacher's classes: those between two quantiles of its row, and the label. Both softmaxes are
/// taken over the band alone.
///   value     T² Σ_{i in S} q_t (log q_t - log q_s),  S = {i : lower <= quantile(z_t,i) <= upper} ∪ {y}
///   gradients those of kl on S, 0 elsewhere
/// Bounds in [0, 1], one number or one a row, exchanged when in the wrong order; ties with a bound are kept.
/// Source: Zhang et al. 2024, arXiv 2407.10068 (the adaptive bounds come from outside).
struct dac_kl {
  row_parameter lower = 0, upper = 1;
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{
      .name = "dac_kl",
      .formula = "T² Σ_S q_t (log q_t − log q_s), S a band of quantiles of z_t and the label",
      .source = "Zhang et al. 2024, arXiv 2407.10068",
      .gradient = "T (q_s − q_t) on S, 0 elsewhere",
      .systems = "DAC-KL",
      .uses_labels = true};

  site_pair sites() const {
    row_mix student = row_mix::of(input::student), teacher = row_mix::of(input::teacher);
    student.columns = teacher.columns = {.which = kept_columns::rule::band, .lower = lower, .upper = upper};
    return {site{student, temperature}, {teacher, temperature}};
  }
  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V> operator()(const element<V>& x) const {
    return kl{}(x);
  }
};

DISTILL_NAMESPACE_END
