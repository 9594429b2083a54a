#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"
#include "detail/mixture.hpp"
#include "reverse_kl.hpp"

DISTILL_NAMESPACE_BEGIN

/// The skew reverse Kullback–Leibler divergence, KL from the student to a mixture with the teacher.
///   value     T² KL(p_s‖M) = T² Σ p_s φ(w),  M = (1-λ) p_t + λ p_s, w = log M - log p_s, φ(x) = e^x - 1 - x
///   student   slope -λ (1-λ) p_s (p_s - p_t)/M - p_s w
///   teacher   slope -(1-λ)² p_t (p_s - p_t)/M      gradient_i = T (slope_i - p_i Σ_j slope_j)
/// λ in [0, 1): λ = 0 is reverse_kl. Finite for every mask when λ > 0.
/// Source: Ko et al. 2024 (DistiLLM), arXiv 2402.03898
struct skew_reverse_kl {
  double lambda = 0.1;
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "skew_reverse_kl",
                                       .formula = "T² KL(p_s‖(1−λ) p_t + λ p_s)",
                                       .source = "Ko et al. 2024 (DistiLLM), arXiv 2402.03898",
                                       .gradient = "T (−λ(1−λ) p_s δ/M − p_s w projected)",
                                       .systems = "DistiLLM"};

  void validate(index) const {
    if (!(lambda >= 0 && lambda < 1)) fail("skew_reverse_kl: lambda is ", lambda, ", must lie in [0, 1)");
  }

  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V> operator()(const element<V>& x) const {
    if (lambda == 0) return reverse_kl{}(x);
    return detail::mixture_divergence(x, 1 - lambda, 0, 1);
  }
};

DISTILL_NAMESPACE_END
