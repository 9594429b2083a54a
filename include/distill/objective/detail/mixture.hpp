// Divergences from a mixture of student and teacher: Jensen–Shannon and the skew ones share this arithmetic.
#pragma once

#include <limits>

#include "../../row/element.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// p φ(x) where p e^x = m, φ(x) = e^x - 1 - x: the series near 0, the closed form elsewhere.
template <lane_type V>
DISTILL_HD DISTILL_INLINE V mass_phi(V p, V x, V m) {
  return lane<V>::select(lane<V>::abs(x) < V(lane_scalar<V>(0.5)), p * phi_small(x), (m - p) - mass_times(p, x));
}

/// The Jensen–Shannon divergence of an even mixture, at twice its size: KL(p_t‖M) + KL(p_s‖M), M = (p_t + p_s)/2.
/// With h = d/2, log M - log p_t = log cosh h + h and log M - log p_s = log cosh h - h.
///   near h = 0    term 2 M (h tanh h - log cosh h), both by their series
///   elsewhere     term -2 M v - smaller |d|,  v = log(M / larger) = -log((1 + s)/(1 - s)), with one division:
///                 s = |p_s - p_t|/(4 larger - |p_s - p_t|)
template <lane_type V>
DISTILL_HD DISTILL_INLINE terms<V> even_mixture_divergence(const element<V>& x) {
  using T = lane_scalar<V>;
  const V zero(T(0)), h = V(T(0.5)) * x.d, size = lane<V>::abs(x.d), difference = lane<V>::abs(x.p_s - x.p_t);
  const auto student_larger = zero < x.d;
  const V larger = lane<V>::max(x.p_s, x.p_t), smaller = lane<V>::select(x.p_s < x.p_t, x.p_s, x.p_t);
  const V sum = x.p_s + x.p_t;
  // A class without mass on either side has nothing to divide by; 4 larger is never smaller than what it stands for.
  const V whole = lane<V>::max(V(T(4)) * larger - difference, V(std::numeric_limits<T>::min()));
  const V v = zero - log_ratio(difference / whole);
  const auto near = size < V(T(1));
  const V series = log_cosh_small(h);
  const V u = lane<V>::select(near, series + h, lane<V>::select(student_larger, v + x.d, v));
  const V w = lane<V>::select(near, series - h, lane<V>::select(student_larger, v, v - x.d));
  const V term =
      lane<V>::select(near, sum * even_mixture_small(h), zero - lane<V>::fma(sum, v, mass_times(smaller, size)));
  return {term, zero - mass_times(x.p_s, w), zero - mass_times(x.p_t, u)};
}

/// a KL(p_t‖M) + b KL(p_s‖M) with M = λ p_t + (1-λ) p_s, λ in (0, 1), and its slopes.
///   u = log M - log p_t, w = log M - log p_s, δ = p_s - p_t, c = a (1-λ) - b λ
///   term      a p_t φ(u) + b p_s φ(w)
///   student   (1-λ) c p_s δ/M - b p_s w
///   teacher   λ c p_t δ/M - a p_t u
/// M - p_t = (1-λ) δ and M - p_s = -λ δ keep the digits of δ.
template <lane_type V>
DISTILL_HD DISTILL_INLINE terms<V> mixture_divergence(const element<V>& x, double lambda, double a, double b) {
  using T = lane_scalar<V>;
  const V zero(T(0)), to_t(static_cast<T>(lambda)), to_s(static_cast<T>(1 - lambda));
  const V m = lane<V>::fma(to_t, x.p_t, to_s * x.p_s), delta = x.pt_expm1();
  V term(zero), to_student(zero), to_teacher(zero);
  if (a != 0) {
    const auto of_teacher = compare_masses(x.p_t, m, to_s * delta);
    const V mass = V(static_cast<T>(a)) * x.p_t;
    term = V(static_cast<T>(a)) * of_teacher.term;
    to_teacher = zero - mass * of_teacher.log_ratio;
  }
  if (b != 0) {
    const auto of_student = compare_masses(x.p_s, m, zero - to_t * delta);
    term = lane<V>::fma(V(static_cast<T>(b)), of_student.term, term);
    to_student = zero - V(static_cast<T>(b)) * x.p_s * of_student.log_ratio;
  }
  if (const double c = a * (1 - lambda) - b * lambda; c != 0) {
    const V shift = V(static_cast<T>(c)) * delta / lane<V>::max(m, V(std::numeric_limits<T>::min()));
    to_student = lane<V>::fma(to_s * x.p_s, shift, to_student);
    to_teacher = lane<V>::fma(to_t * x.p_t, shift, to_teacher);
  }
  return {term, to_student, to_teacher};
}

}  // namespace detail
DISTILL_NAMESPACE_END
