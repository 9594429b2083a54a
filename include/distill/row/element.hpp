// What an objective sees of one class of one row, and what it answers.
#pragma once

#include <array>

#include "../config.hpp"
#include "../core/lane.hpp"
#include "../core/math.hpp"

DISTILL_NAMESPACE_BEGIN

/// One class of one row, in any lane. p_s = softmax of the student's site, p_t of the teacher's.
///
/// The engine owns the edges: a class that is masked (-inf) on both sides arrives as p_s = p_t = 0 with a finite d, and
/// terms and slopes must vanish there. A class masked on one side arrives with that side's p = 0 and d = ∓inf; the
/// helpers below give the limits. No objective ever calls exp.
template <lane_type V>
struct element {
  V d;             ///< log p_s - log p_t, formed from z_s - z_t, so it keeps its digits when the rows are near
  V p_s, p_t;      ///< probabilities
  V log_s, log_t;  ///< their logarithms; only for objectives that declare reads_log_probabilities

  /// p_t (e^d - 1 - d) >= 0: the forward divergence's term, without cancellation.
  DISTILL_HD DISTILL_INLINE V pt_phi() const {
    return lane<V>::select(near(), p_t * phi_small(d), (p_s - p_t) - mass_times(p_t, d));
  }
  /// p_t (e^d - 1) = p_s - p_t, without cancellation.
  DISTILL_HD DISTILL_INLINE V pt_expm1() const { return lane<V>::select(near(), p_t * (d + phi_small(d)), p_s - p_t); }
  /// p_s (e^{-d} - 1 + d) >= 0: the reverse divergence's term, without cancellation.
  DISTILL_HD DISTILL_INLINE V ps_phi() const {
    return lane<V>::select(near(), p_s * phi_small(V(zero()) - d), (p_t - p_s) + mass_times(p_s, d));
  }
  /// p_s (e^{-d} - 1) = p_t - p_s, without cancellation.
  DISTILL_HD DISTILL_INLINE V ps_expm1() const {
    return lane<V>::select(near(), p_s * (phi_small(V(zero()) - d) - d), p_t - p_s);
  }

 private:
  static constexpr lane_scalar<V> zero() { return lane_scalar<V>(0); }
  DISTILL_HD DISTILL_INLINE auto near() const { return lane<V>::abs(d) < V(lane_scalar<V>(0.5)); }
};

/// One class of one row as an elementwise objective sees it: tempered logits u = z/T. A class that is masked on both
/// sides arrives as four zeros; one masked on one side with that logit -inf and an infinite difference.
template <lane_type V>
struct logit_pair {
  V difference;        ///< u_s - u_t, from z_s - z_t: one rounding
  V student, teacher;  ///< u_s, u_t
  V present;           ///< 1, or 0 where the class is masked on both sides
};

/// The answer of a separable objective: for each of its K sums the class's term and the term's slopes ∂/∂log p_s and
/// ∂/∂log p_t. The engine adds the terms up and projects: dL/dz_s,i = (to_student_i - p_s,i Σ_j to_student_j)/T.
template <lane_type V, int K = 1>
struct terms {
  std::array<V, K> term, to_student, to_teacher;

  terms() = default;
  DISTILL_HD DISTILL_INLINE terms(V term_, V to_student_, V to_teacher_) requires(K == 1)
      : term{term_}, to_student{to_student_}, to_teacher{to_teacher_} {}
};

DISTILL_NAMESPACE_END
