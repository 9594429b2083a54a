#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"
#include "detail/alpha_beta.hpp"

DISTILL_NAMESPACE_BEGIN

/// Amari's α divergence: KL at α = 1, reverse KL at α = 0, four times the squared Hellinger distance at ½, half of
/// Neyman's and Pearson's χ² at -1 and 2.
///   value     T² (Σ p_t^α p_s^{1-α} - 1)/(α(α-1)), as Σ p_t [φ((1-α) d) - (1-α) φ(d)]/(α(α-1)) near d = 0
///   student   slope (p_s - G)/α               with G = p_t^α p_s^{1-α}
///   teacher   slope (p_t - G)/(1-α)           gradient_i = T (slope_i - p_i Σ_j slope_j)
/// Finite for every mask when 0 < α < 1; α >= 1 is +inf where the student masks teacher mass, α <= 0 the other way
/// round.
/// Source: Amari 1985, doi 10.1007/978-1-4612-5056-2; in distillation Wang et al. 2021 (AlphaNet),
/// arXiv 2102.07954
struct amari_alpha {
  double alpha = 0.5;
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "amari_alpha",
                                       .formula = "T² (Σ p_t^α p_s^(1−α) − 1)/(α(α−1))",
                                       .source = "Wang et al. 2021 (AlphaNet), arXiv 2102.07954",
                                       .gradient = "T ((p_s − p_t^α p_s^(1−α))/α projected)",
                                       .systems = "AlphaNet",
                                       .symmetric = true};

  void validate(index) const {
    if (!std::isfinite(alpha)) fail("amari_alpha: alpha is ", alpha, ", must be finite");
  }

  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V> operator()(const element<V>& x) const {
    return detail::amari_terms(x, alpha);
  }
};

DISTILL_NAMESPACE_END
