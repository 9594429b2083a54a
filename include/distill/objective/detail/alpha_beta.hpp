// The two-parameter family that contains the power divergences: α-β, α (Amari, Rényi, Tsallis), β.
#pragma once

#include <algorithm>
#include <cmath>

#include "../../row/element.hpp"
#include "../kl.hpp"
#include "../reverse_kl.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// -1/(αβ) [G - α/s Q - β/s P] for one class, with Q = p_t^s, P = p_s^s, G = p_t^α p_s^β, s = α + β; α, β, s not 0 and
/// |β| <= |α|. While βd is small, d = log p_s - log p_t, it is [Q φ(sd)/s - Q φ(βd)/β]/α, where nothing cancels.
///   student   slope (P - G)/α,  near 0 Q (αd + φ(sd) - φ(βd))/α
///   teacher   slope (Q - G)/β,  while βd is small -Q (βd + φ(βd))/β
template <lane_type V>
DISTILL_HD DISTILL_INLINE terms<V> alpha_beta_ordered(V d, V G, V P, V Q, double alpha, double beta) {
  using T = lane_scalar<V>;
  const double s = alpha + beta;
  const auto number = [](double x) { return V(static_cast<T>(x)); };
  const auto within = [](V x) { return lane<V>::abs(x) < V(T(0.5)); };
  const V ad = number(alpha) * d, bd = number(beta) * d, sd = number(s) * d;
  const auto slow = within(bd), near = within(number(std::max(std::abs(alpha), std::abs(s))) * d);
  const V phi_s = phi_small(sd), phi_b = phi_small(bd);
  const V rise = lane<V>::select(within(sd), Q * phi_s, (P - Q) - mass_times(Q, sd));
  const V small = lane<V>::fma(number(1 / (alpha * s)), rise, number(-1 / (alpha * beta)) * (Q * phi_b));
  const V plain = number(1 / (beta * s)) * Q + number(1 / (alpha * s)) * P - number(1 / (alpha * beta)) * G;
  const V to_student = lane<V>::select(near, Q * (ad + (phi_s - phi_b)), P - G);
  const V to_teacher = lane<V>::select(slow, V(T(0)) - Q * (bd + phi_b), Q - G);
  return {lane<V>::select(slow, small, plain), number(1 / alpha) * to_student, number(1 / beta) * to_teacher};
}

/// The same for any order of the exponents' sizes: student and teacher exchange their parts.
template <lane_type V>
DISTILL_HD DISTILL_INLINE terms<V> alpha_beta_terms(V d, V G, V P, V Q, double alpha, double beta) {
  if (std::abs(beta) <= std::abs(alpha)) return alpha_beta_ordered(d, G, P, Q, alpha, beta);
  const terms<V> exchanged = alpha_beta_ordered(V(lane_scalar<V>(0)) - d, G, Q, P, beta, alpha);
  return {exchanged.term[0], exchanged.to_teacher[0], exchanged.to_student[0]};
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
  if (alpha == 1) return kl{}(x);
  if (alpha == 0) return reverse_kl{}(x);
  return alpha_beta_terms(x.d, geometric_mean(x, alpha), x.p_s, x.p_t, alpha, 1 - alpha);
}

}  // namespace detail
DISTILL_NAMESPACE_END
