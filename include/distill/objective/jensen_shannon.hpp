#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// Generalised Jensen–Shannon divergence with mixture M = β p_t + (1-β) p_s.
///   value     T² [β KL(p_t‖M) + (1-β) KL(p_s‖M)] = T² Σ β p_t φ(u) + (1-β) p_s φ(w)
///   student   slope -(1-β) p_s w         with u = log M - log p_t, w = log M - log p_s, φ(x) = e^x - 1 - x
///   teacher   slope -β p_t u             gradient_i = T (slope_i - p_i Σ_j slope_j)
/// β in [0, 1]. The ends are those of GKD: β = 0 is KL(p_t‖p_s) and β = 1 is KL(p_s‖p_t), while the formula above tends
/// to 0 there: the value jumps. Finite for every mask if β and 1-β are more than the number type's rounding of 1.
/// Source: Agarwal et al. 2023 (GKD), arXiv 2306.13649, eq. 1 and §3.
struct jensen_shannon {
  double beta = 0.5;
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "jensen_shannon",
                                       .formula = "T² [β KL(p_t‖M) + (1−β) KL(p_s‖M)], M = β p_t + (1−β) p_s",
                                       .source = "Agarwal et al. 2023 (GKD), arXiv 2306.13649, eq. 1",
                                       .symmetric = true};

  void validate(index) const {
    if (!(beta >= 0 && beta <= 1)) fail("jensen_shannon: beta is ", beta, ", must lie in [0, 1]");
  }

  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V> operator()(const element<V>& x) const {
    using T = lane_scalar<V>;
    const V zero(T(0));
    if (beta == 0) return {x.pt_phi(), x.pt_expm1(), zero - mass_times(x.p_t, x.d)};
    if (beta == 1) return {x.ps_phi(), mass_times(x.p_s, x.d), x.ps_expm1()};
    const V to_t(static_cast<T>(beta)), to_s(static_cast<T>(1 - beta));
    // log M relative to the larger of the two logarithms, v = log1p(k (e^{-|d|} - 1)): cannot overflow, cannot cancel.
    const auto student_larger = zero < x.d;
    const V v =
        natural_log1p(lane<V>::select(student_larger, to_t, to_s) * expm1_nonpositive(zero - lane<V>::abs(x.d)));
    const V u = lane<V>::select(student_larger, v + x.d, v);
    const V w = lane<V>::select(student_larger, v, v - x.d);
    const V m = lane<V>::fma(to_t, x.p_t, to_s * x.p_s);
    return {to_t * mass_phi(x.p_t, u, m) + to_s * mass_phi(x.p_s, w, m), zero - to_s * mass_times(x.p_s, w),
            zero - to_t * mass_times(x.p_t, u)};
  }

 private:
  /// p φ(x) where p e^x = m: the series near 0, the closed form elsewhere.
  template <lane_type V>
  DISTILL_HD DISTILL_INLINE static V mass_phi(V p, V x, V m) {
    return lane<V>::select(lane<V>::abs(x) < V(lane_scalar<V>(0.5)), p * phi_small(x), (m - p) - mass_times(p, x));
  }
};

DISTILL_NAMESPACE_END
