// KL between two coins given by their log-odds: multi-label distillation, and the target's part of DKD.
#pragma once

#include "../../row/element.hpp"
#include "mixture.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// KL(Bern(σ(u_t))‖Bern(σ(u_s))) and its derivatives with respect to u_s and u_t. As a divergence of two classes it is
/// p φ(d₁) + (1-p) φ(d₀), p = σ(u_t), with d₁ and d₀ the differences of log σ(u) and of log σ(-u): d₁ - d₀ = u_s - u_t.
/// Where u_s is near u_t, d₀ = -log1p(p (e^{u_s - u_t} - 1)) does not cancel; elsewhere the two softplus do not.
template <lane_type V>
DISTILL_HD DISTILL_INLINE terms<V> bernoulli_kl(const logit_pair<V>& x) {
  using T = lane_scalar<V>;
  const V zero(T(0)), one(T(1)), one_half(T(0.5));
  // At 0 both, and |u|, go on as for positive u.
  const auto positive_part = [&](V u) { return lane<V>::select(zero <= u, u, zero); };
  const auto negative_part = [&](V u) { return lane<V>::select(u < zero, zero - u, zero); };
  const V decay_s = exp_nonpositive(zero - lane<V>::abs(x.student));
  const V decay_t = exp_nonpositive(zero - lane<V>::abs(x.teacher));
  const auto sigmoids = [&](V u, V decay, V& p, V& q) {  // σ(u) and σ(-u)
    const V larger = one / (one + decay), smaller = decay * larger;
    p = lane<V>::select(u < zero, smaller, larger);
    q = lane<V>::select(u < zero, larger, smaller);
  };
  V p_s, q_s, p_t, q_t;
  sigmoids(x.student, decay_s, p_s, q_s);
  sigmoids(x.teacher, decay_t, p_t, q_t);
  const auto near = lane<V>::abs(x.difference) < one_half;
  const V growth = x.difference + phi_small(x.difference);  // e^{u_s - u_t} - 1
  const V log_s = natural_log1p(lane<V>::select(near, p_t * growth, decay_s)), log_t = natural_log1p(decay_t);
  const V far0 = (positive_part(x.teacher) - positive_part(x.student)) + (log_t - log_s);
  const V far1 = (negative_part(x.teacher) - negative_part(x.student)) + (log_t - log_s);
  const V d0 = lane<V>::select(near, zero - log_s, far0);
  const V d1 = lane<V>::select(near, x.difference - log_s, far1);
  const V to_student = lane<V>::select(lane<V>::abs(d1) < one_half, p_t * (d1 + phi_small(d1)), p_s - p_t);
  return {mass_phi(p_t, d1, p_s) + mass_phi(q_t, d0, q_s), x.present * to_student,
          zero - mass_times(p_t * q_t, x.difference)};
}

}  // namespace detail
DISTILL_NAMESPACE_END
