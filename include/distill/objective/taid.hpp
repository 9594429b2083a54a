#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"
#include "soft_cross_entropy.hpp"

DISTILL_NAMESPACE_BEGIN

/// TAID: cross-entropy with a target between student and teacher, interpolated in the logits.
///   value     -T² Σ p̃ log p_s,  p̃ = softmax(((1-t) z_s + t z_t)/T), the student's share held constant
///   student   T (p_s - p̃)
///   teacher   t T p̃_i (Σ_j p̃_j log p_s,j - log p_s,i)
/// t in [0, 1] grows during training. At t = 0 the gradient is 0; at t = 1 it is soft_cross_entropy.
/// Source: Shing et al. 2025, arXiv 2501.16937.
struct taid {
  double t = 0.4;
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr bool reads_log_probabilities = true;
  static constexpr objective_info info{.name = "taid",
                                       .formula = "−T² Σ p̃ log p_s, p̃ = softmax(((1−t) z_s + t z_t)/T)",
                                       .source = "Shing et al. 2025, arXiv 2501.16937",
                                       .gradient = "T (p_s − p̃)",
                                       .systems = "TAID",
                                       .zero_at_equality = false,
                                       .whole_derivative = false};

  void validate(index) const {
    if (!(t >= 0 && t <= 1)) fail("taid: t is ", t, ", must lie in [0, 1]");
  }
  site_pair sites() const {
    const row_mix target{.mix = {1 - t, t}, .detached = {true}};
    return {site{row_mix::of(input::student), temperature}, {target, temperature}};
  }
  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V> operator()(const element<V>& x) const {
    return soft_cross_entropy{}(x);
  }
};

DISTILL_NAMESPACE_END
