// Do two networks find the same samples alike?
#pragma once

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"
#include "../objective/similarity_preserving.hpp"
#include "../pair/evaluate.hpp"

DISTILL_NAMESPACE_BEGIN

/// DisWOT's relation distance: similarity_preserving between the last feature maps before the pooling, flattened.
///
///     D_rel = ‖Ĝ_s − Ĝ_t‖²/n²,  G = F Fᵀ, Ĝ its rows at length 1, a row of zeros as it is
///
/// At most 4/n; 0 for a single sample that neither side maps to 0. The published program divides by max(‖G_i‖, 1e-12),
/// which is the same but for rows that are shorter and not 0: they are directions here like any other.
/// Source: P. Dong, L. Li, Z. Wei, "DisWOT", CVPR 2023, arXiv 2303.15678, and its program, distiller_zoo/SP.py.
///
/// @param student, teacher  n samples in rows, of any width on each side
/// @throws argument_error  no samples or features, numbers of samples that differ
template <class T>
double relation_distance(const matrix_view<const T>& student, const matrix_view<const T>& teacher) {
  if (student.rows < 1 || student.columns < 1 || teacher.columns < 1)
    fail("relation_distance: student is ", student.rows, " x ", student.columns, ", teacher is ", teacher.rows, " x ",
         teacher.columns, ", at least 1 x 1 expected");
  if (student.rows != teacher.rows)
    fail("relation_distance: student has ", student.rows, " samples, teacher has ", teacher.rows);
  return value(similarity_preserving{}, feature_pair<T>{.student = student, .teacher = teacher});
}

DISTILL_NAMESPACE_END
