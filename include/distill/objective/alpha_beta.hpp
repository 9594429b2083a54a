#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"
#include "detail/alpha_beta.hpp"

DISTILL_NAMESPACE_BEGIN

/// The α-β divergence, with s = α + β.
///   value     -T²/(αβ) Σ [p_t^α p_s^β - α/s p_t^s - β/s p_s^s]
///   student   slope p_t^α p_s^β (e^{αd} - 1)/α
///   teacher   slope p_t^α p_s^β (e^{-βd} - 1)/β      d = log p_s - log p_t, gradient_i = T (slope_i - p_i Σ_j slope_j)
/// (1, 0) is KL, (0, 1) reverse KL, (½, ½) four times the squared Hellinger distance, (1, 1) half the squared distance,
/// (α, 1-α) Amari's divergence, (1, β) the β divergence. Where α, β or s is 0 the value is the limit:
///   α = 0     T²/β² Σ p_s^β (e^{-βd} - 1 + βd)          β = 0   T²/α² Σ p_t^α (e^{αd} - 1 - αd)
///   s = 0     T²/α² Σ (e^{-αd} - 1 + αd)                both 0  T²/2 Σ d²
/// Source: Cichocki, Cruces, Amari 2011, doi 10.3390/e13010134; Wang et al. 2025 (ABKD), arXiv 2505.04560
struct alpha_beta {
  double alpha = 0.2, beta = 0.7;
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr bool reads_log_probabilities = true;
  static constexpr objective_info info{.name = "alpha_beta",
                                       .formula = "−T²/(αβ) Σ [p_t^α p_s^β − α/(α+β) p_t^(α+β) − β/(α+β) p_s^(α+β)]",
                                       .source = "Wang et al. 2025 (ABKD), arXiv 2505.04560",
                                       .gradient = "T (p_t^α p_s^β (e^(αd) − 1)/α projected)",
                                       .systems = "ABKD"};

  void validate(index) const {
    if (!std::isfinite(alpha)) fail("alpha_beta: alpha is ", alpha, ", must be finite");
    if (!std::isfinite(beta)) fail("alpha_beta: beta is ", beta, ", must be finite");
  }

  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V> operator()(const element<V>& x) const {
    const double s = alpha + beta;
    if (s == 0) return without_mass(x);
    const V P = s == 1 ? x.p_s : power(x.log_s, s), Q = s == 1 ? x.p_t : power(x.log_t, s);
    const V zero(lane_scalar<V>(0));
    if (alpha == 0) return limit(zero - number<V>(beta) * x.d, P, Q, zero - x.d, 1 / beta, false);
    if (beta == 0) return limit(number<V>(alpha) * x.d, Q, P, x.d, 1 / alpha, true);
    return detail::alpha_beta_terms(x.d, mixed(x), P, Q, alpha, beta);
  }

 private:
  template <lane_type V>
  DISTILL_HD DISTILL_INLINE static V number(double value) {
    return V(static_cast<lane_scalar<V>>(value));
  }
  template <lane_type V>
  DISTILL_HD DISTILL_INLINE static V power(V log_p, double exponent) {
    const V x = number<V>(exponent) * log_p;
    return exponent > 0 ? exp_nonpositive(x) : exp_any(x);
  }
  /// p_t^α p_s^β; 0 where both are masked.
  template <lane_type V>
  DISTILL_HD DISTILL_INLINE V mixed(const element<V>& x) const {
    if (alpha > 0 && beta > 0) return exp_nonpositive(number<V>(alpha) * x.log_t + number<V>(beta) * x.log_s);
    const V absent(-std::numeric_limits<lane_scalar<V>>::infinity()), zero(lane_scalar<V>(0));
    const V exponent = alpha + beta > 0 ? lane<V>::fma(number<V>(alpha + beta), x.log_t, number<V>(beta) * x.d)
                                        : number<V>(alpha) * x.log_t + number<V>(beta) * x.log_s;
    return lane<V>::select(lane<V>::max(x.log_s, x.log_t) == absent, zero, exp_any(exponent));
  }
  /// (mass (e^x - 1 - x)) k² with slopes mass (e^x - 1) k to the side that x grows with, -mass · distance to the other.
  template <lane_type V>
  DISTILL_HD DISTILL_INLINE static terms<V> limit(V x, V mass, V grown, V distance, double k, bool student) {
    const V zero(lane_scalar<V>(0));
    const auto near = lane<V>::abs(x) < number<V>(0.5);
    const V phi = lane<V>::select(near, mass * phi_small(x), (grown - mass) - mass_times(mass, x));
    const V growth = number<V>(k) * lane<V>::select(near, mass * (x + phi_small(x)), grown - mass);
    const V other = zero - mass_times(mass, distance);
    return {number<V>(k * k) * phi, student ? growth : other, student ? other : growth};
  }
  /// α + β = 0: no class counts more than another.
  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V> without_mass(const element<V>& x) const {
    const V zero(lane_scalar<V>(0)), absent(-std::numeric_limits<lane_scalar<V>>::infinity());
    const V d = lane<V>::select(lane<V>::max(x.log_s, x.log_t) == absent, zero, x.d);
    if (alpha == 0) return {number<V>(0.5) * d * d, d, zero - d};
    const V a = zero - number<V>(alpha) * d, growth = number<V>(1 / alpha) * expm1_any(a);
    const V phi = lane<V>::select(lane<V>::abs(a) < number<V>(0.5), phi_small(a), expm1_any(a) - a);
    return {number<V>(1 / (alpha * alpha)) * phi, zero - growth, growth};
  }
};

DISTILL_NAMESPACE_END
