#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"
#include "detail/alpha_beta.hpp"
#include "kl.hpp"

DISTILL_NAMESPACE_BEGIN

/// The β (density power) divergence: half the squared distance of the probabilities at β = 1, KL at β = 0.
///   value     T² Σ p_t^{1+β}/(β(1+β)) + p_s^{1+β}/(1+β) - p_t p_s^β/β
///   student   slope p_s^β (p_s - p_t)
///   teacher   slope p_t (p_t^β - p_s^β)/β      gradient_i = T (slope_i - p_i Σ_j slope_j)
/// β >= 0. Finite for every mask when β > 0.
/// Source: Basu, Harris, Hjort, Jones 1998, doi 10.1093/biomet/85.3.549, eq. 2.1.
struct beta_divergence {
  double beta = 1;
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr bool reads_log_probabilities = true;
  static constexpr objective_info info{.name = "beta_divergence",
                                       .formula = "T² Σ p_t^(1+β)/(β(1+β)) + p_s^(1+β)/(1+β) − p_t p_s^β/β",
                                       .source = "Basu et al. 1998, doi 10.1093/biomet/85.3.549, eq. 2.1",
                                       .gradient = "T (p_s^β (p_s − p_t) projected)",
                                       .systems = "density power divergence",
                                       .symmetric = true};

  void validate(index) const {
    if (!(beta >= 0) || std::isinf(beta)) fail("beta_divergence: beta is ", beta, ", must be finite and not negative");
  }

  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V> operator()(const element<V>& x) const {
    if (beta == 0) return kl{}(x);
    if (beta == 1) {
      const V one_half(lane_scalar<V>(0.5)), difference = x.pt_expm1();
      return {one_half * difference * difference, x.p_s * difference, x.p_t * x.ps_expm1()};
    }
    const V power(static_cast<lane_scalar<V>>(beta));
    const V raised_s = exp_nonpositive(power * x.log_s), raised_t = exp_nonpositive(power * x.log_t);
    return detail::alpha_beta_terms(x.d, x.p_t * raised_s, x.p_s * raised_s, x.p_t * raised_t, 1, beta);
  }
};

DISTILL_NAMESPACE_END
