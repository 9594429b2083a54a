#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"
#include "detail/mixture.hpp"
#include "kl.hpp"

DISTILL_NAMESPACE_BEGIN

/// The skew Kullback–Leibler divergence, KL from the teacher to a mixture with the student.
///   value     T² KL(p_t‖M) = T² Σ p_t φ(u),  M = λ p_t + (1-λ) p_s, u = log M - log p_t, φ(x) = e^x - 1 - x
///   student   slope (1-λ)² p_s (p_s - p_t)/M
///   teacher   slope λ (1-λ) p_t (p_s - p_t)/M - p_t u      gradient_i = T (slope_i - p_i Σ_j slope_j)
/// λ in [0, 1): λ = 0 is kl. Finite for every mask when λ > 0.
/// Source: Ko et al. 2024 (DistiLLM), arXiv 2402.03898
struct skew_kl {
  double lambda = 0.1;
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "skew_kl",
                                       .formula = "T² KL(p_t‖λ p_t + (1−λ) p_s)",
                                       .source = "Ko et al. 2024 (DistiLLM), arXiv 2402.03898",
                                       .gradient = "(1−λ)² T (p_s δ/M projected), δ = p_s − p_t",
                                       .systems = "DistiLLM"};

  void validate(index) const {
    if (!(lambda >= 0 && lambda < 1)) fail("skew_kl: lambda is ", lambda, ", must lie in [0, 1)");
  }

  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V> operator()(const element<V>& x) const {
    if (lambda == 0) return kl{}(x);
    return detail::mixture_divergence(x, lambda, 1, 0);
  }
};

DISTILL_NAMESPACE_END
