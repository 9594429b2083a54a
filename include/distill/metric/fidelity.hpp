// How far the student's distribution is from the teacher's.
#pragma once

#include <cmath>
#include <limits>

#include "../config.hpp"
#include "../core/matrix_view.hpp"
#include "detail/logits.hpp"
#include "detail/softmax_row.hpp"

DISTILL_NAMESPACE_BEGIN

namespace detail {

/// φ(d) = e^d − 1 − d ≥ 0 for d ≤ 30. Relative error below 1e-14: near 0, where the difference would cancel, it is
/// the first eight terms of its series.
inline double expm1_minus(double d) {
  if (std::abs(d) >= 0.05) return std::expm1(d) - d;
  double tail = 1;
  for (int k = 9; k > 2; --k) tail = 1 + d / k * tail;
  return d * d / 2 * tail;
}

/// One class' share of KL(p_t‖p_s): p_t φ(d), d = ℓ_s − ℓ_t; never negative.
inline double fidelity_term(double z_s, double z_t, const softmax_row& student, const softmax_row& teacher) {
  const double p_s = student.probability(z_s);
  const double p_t = teacher.probability(z_t);
  // No mass at the teacher (masked, or below the smallest double): the limit of p_t φ(d) = p_s − p_t − p_t d.
  if (p_t == 0) return p_s;
  // d = ℓ_s − ℓ_t by whichever way rounds less. Between rows: exact for nearly equal ones, where two rounded logarithms
  // would cancel. From the rows' own maxima: for rows of unlike scale or offset. What the normalisers round off shifts
  // all d alike, and enters only squared because Σ p_t φ'(d) = 0.
  const double across = z_s - z_t, across_top = student.maximum - teacher.maximum;
  const double down_s = z_s - student.maximum, down_t = z_t - teacher.maximum;
  const bool between_rows = std::abs(across) + std::abs(across_top) < std::abs(down_s) + std::abs(down_t);
  const double d = (between_rows ? across - across_top : down_s - down_t) - (student.log_sum() - teacher.log_sum());
  if (d > 30) return p_s - p_t * (1 + d);
  return p_t * expm1_minus(d);
}

}  // namespace detail

/// Average predictive KL at temperature 1, in nats: (1/N) Σ_i KL(p_t,i ‖ p_s,i) ≥ 0, p = softmax(logits). Computed in
/// double as Σ_c p_t φ(ℓ_s − ℓ_t), φ(d) = e^d − 1 − d, which equals Σ_c p_t (ℓ_t − ℓ_s) because both p sum to 1, but
/// whose terms cannot cancel: equal rows give exactly 0, nearly equal ones keep their digits.
/// Source: Stanton et al. 2021, "Does Knowledge Distillation Really Work?", arXiv 2106.05945, the second of its two
/// measures of fidelity (lower is closer).
///
/// @param student  N × C logits, a matrix_view of any strides or an Eigen matrix
/// @param teacher  N × C logits, possibly of another precision
/// @returns +inf if the teacher gives mass (what rounds to 0 in double is none) to a class whose student logit is -inf;
///   NaN if a row of either holds a NaN, a +inf, or only -inf. A class masked by -inf on both sides contributes 0.
/// @throws argument_error  no rows or no classes, shapes that differ
template <detail::logit_matrix S, detail::logit_matrix T>
double fidelity(const S& student, const T& teacher) {
  const auto s = detail::const_view(student);
  const auto t = detail::const_view(teacher);
  detail::check_pair("fidelity", s, t);
  double sum = 0;
  for (index r = 0; r < s.rows; ++r) {
    const detail::softmax_row mine = detail::softmax_of(s, r);
    const detail::softmax_row theirs = detail::softmax_of(t, r);
    if (!mine.valid() || !theirs.valid()) return std::numeric_limits<double>::quiet_NaN();
    for (index c = 0; c < s.columns; ++c)
      sum += detail::fidelity_term(static_cast<double>(s(r, c)), static_cast<double>(t(r, c)), mine, theirs);
  }
  return sum / static_cast<double>(s.rows);
}

DISTILL_NAMESPACE_END
