// The two-parameter family that contains the power divergences: α-β, α (Amari, Rényi, Tsallis), β.
#pragma once

#include <algorithm>
#include <cmath>

#include "../../row/element.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// -1/(αβ) [G - α/s Q - β/s P] for one class, with Q = p_t^s, P = p_s^s, G = p_t^α p_s^β, s = α + β; α, β, s not 0.
/// Near d = log p_s - log p_t = 0 it is Q/(αβ) [β/s φ(s d) - φ(β d)], where nothing cancels.
///   student   slope (P - G)/α,  near 0 Q (αd + φ(sd) - φ(βd))/α
///   teacher   slope (Q - G)/β,  near 0 -Q (βd + φ(βd))/β
template <lane_type V>
DISTILL_HD DISTILL_INLINE terms<V> alpha_beta_terms(V d, V G, V P, V Q, double alpha, double beta) {
  using T = lane_scalar<V>;
  const double s = alpha + beta, reach = std::max({std::abs(alpha), std::abs(beta), std::abs(s)});
  const auto number = [](double x) { return V(static_cast<T>(x)); };
  const auto within = [](V x) { return lane<V>::abs(x) < V(T(0.5)); };
  const auto near = within(number(reach) * d);
  const V ad = number(alpha) * d, bd = number(beta) * d;
  const V phi_s = phi_small(number(s) * d), phi_b = phi_small(bd);
  const V small = Q * lane<V>::fma(number(1 / (alpha * s)), phi_s, number(-1 / (alpha * beta)) * phi_b);
  const V plain = number(1 / (beta * s)) * Q + number(1 / (alpha * s)) * P - number(1 / (alpha * beta)) * G;
  V far_s = P - G, far_t = Q - G;
  // Where one exponent is small, its slope is so over a wide range of d.
  if (std::abs(alpha) < 0.25 * reach) far_s = lane<V>::select(within(ad), G * (ad + phi_small(ad)), far_s);
  if (std::abs(beta) < 0.25 * reach) far_t = lane<V>::select(within(bd), G * (phi_small(V(T(0)) - bd) - bd), far_t);
  const V to_student = lane<V>::select(near, Q * (ad + (phi_s - phi_b)), far_s);
  const V to_teacher = lane<V>::select(near, V(T(0)) - Q * (bd + phi_b), far_t);
  return {lane<V>::select(near, small, plain), number(1 / alpha) * to_student, number(1 / beta) * to_teacher};
}

/// p_t^α p_s^{1-α}, from the side that makes it decay where there is one.
template <lane_type V>
DISTILL_HD DISTILL_INLINE V geometric_mean(const element<V>& x, double alpha) {
  using T = lane_scalar<V>;
  const V to_t(static_cast<T>(alpha)), to_s(static_cast<T>(1 - alpha));
  if (alpha > 0 && alpha < 1) {
    const auto student_larger = V(T(0)) < x.d;
    const V distance = lane<V>::select(student_larger, V(T(0)) - to_t * x.d, to_s * x.d);
    return lane<V>::select(student_larger, x.p_s, x.p_t) * exp_nonpositive(distance);
  }
  return alpha > 1 ? mass_times(x.p_t, exp_any(to_s * x.d)) : mass_times(x.p_s, exp_any(V(T(0)) - to_t * x.d));
}

/// The α divergence of Amari, (Σ p_t^α p_s^{1-α} - 1)/(α(α-1)): the family's member with α + β = 1.
template <lane_type V>
DISTILL_HD DISTILL_INLINE terms<V> amari_terms(const element<V>& x, double alpha) {
  if (alpha == 1) return {x.pt_phi(), x.pt_expm1(), V(lane_scalar<V>(0)) - mass_times(x.p_t, x.d)};
  if (alpha == 0) return {x.ps_phi(), mass_times(x.p_s, x.d), x.ps_expm1()};
  return alpha_beta_terms(x.d, geometric_mean(x, alpha), x.p_s, x.p_t, alpha, 1 - alpha);
}

}  // namespace detail
DISTILL_NAMESPACE_END
