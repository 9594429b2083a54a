// How often the student's first guess is the teacher's.
#pragma once

#include <limits>

#include "../config.hpp"
#include "../core/matrix_view.hpp"
#include "detail/logits.hpp"
#include "detail/softmax_row.hpp"

DISTILL_NAMESPACE_BEGIN

/// Average top-1 agreement: (1/N) Σ_i [argmax_c s_ic = argmax_c t_ic], a share in [0, 1]. Of tied logits the lowest
/// class is the guess, on both sides.
/// Source: Stanton et al. 2021, "Does Knowledge Distillation Really Work?", arXiv 2106.05945, the first of its two
/// measures of fidelity.
///
/// @param student  N × C logits, a matrix_view of any strides or an Eigen matrix
/// @param teacher  N × C logits, possibly of another precision
/// @returns NaN if a row of either has no largest logit (it holds a NaN, or only -inf)
/// @throws argument_error  no rows or no classes, shapes that differ
template <detail::logit_matrix S, detail::logit_matrix T>
double agreement(const S& student, const T& teacher) {
  const auto s = detail::const_view(student);
  const auto t = detail::const_view(teacher);
  detail::check_pair("agreement", s, t);
  index same = 0;
  for (index r = 0; r < s.rows; ++r) {
    const index mine = detail::top_class(s, r);
    const index theirs = detail::top_class(t, r);
    if (mine < 0 || theirs < 0) return std::numeric_limits<double>::quiet_NaN();
    same += mine == theirs;
  }
  return static_cast<double>(same) / static_cast<double>(s.rows);
}

DISTILL_NAMESPACE_END
