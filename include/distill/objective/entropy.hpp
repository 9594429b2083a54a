#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// The student's own entropy: subtract it to punish confidence, read it to weigh rows.
///   value     -T² Σ p_s log p_s
///   student   slope -p_s (log p_s + 1), gradient_i = T (slope_i - p_i Σ_j slope_j)
/// Source: Pereyra et al. 2017 (confidence penalty), arXiv 1701.06548
struct entropy {
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr bool reads_log_probabilities = true;
  static constexpr objective_info info{.name = "entropy",
                                       .formula = "−T² Σ p_s log p_s",
                                       .source = "Pereyra et al. 2017, arXiv 1701.06548",
                                       .gradient = "−T p_s (log p_s − Σ p_s log p_s)",
                                       .systems = "confidence penalty, BD-KD weights",
                                       .uses_teacher = false,
                                       .zero_at_equality = false};

  site_pair sites() const {
    const site own{row_mix::of(input::student), temperature};
    return {own, own};
  }
  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V> operator()(const element<V>& x) const {
    const V zero(lane_scalar<V>(0)), surprise = zero - mass_times(x.p_s, x.log_s);
    return {surprise, surprise - x.p_s, zero};
  }
};

DISTILL_NAMESPACE_END
