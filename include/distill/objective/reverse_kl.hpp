#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// Reverse Kullback–Leibler divergence: the student seeks a mode of the teacher instead of covering all of them.
///   value     T² Σ p_s (log p_s - log p_t) = T² Σ p_s φ(-d),  φ(x) = e^x - 1 - x, d = log p_s - log p_t
///   student   T p_s,i (d_i - Σ_j p_s,j d_j)
///   teacher   T (p_t - p_s)
/// Student mass on a class that the teacher masks: value +inf; the student's gradient is its limit, +inf there and
/// -inf on every other class with mass.
/// Source: Gu, Dong, Wei, Huang 2023 (MiniLLM), arXiv 2306.08543, eq. 1.
struct reverse_kl {
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "reverse_kl",
                                       .formula = "T² Σ p_s (log p_s − log p_t)",
                                       .source = "Gu et al. 2023 (MiniLLM), arXiv 2306.08543, eq. 1",
                                       .gradient = "T p_s (d − Σ p_s d), d = log p_s − log p_t",
                                       .systems = "MiniLLM, BD-KD, SinKD baseline"};

  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V> operator()(const element<V>& x) const {
    return {x.ps_phi(), mass_times(x.p_s, x.d), x.ps_expm1()};
  }
};

DISTILL_NAMESPACE_END
