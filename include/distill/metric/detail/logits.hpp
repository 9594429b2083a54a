// What the metrics accept as logits, and the checks they share.
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include "../../config.hpp"
#include "../../core/error.hpp"
#include "../../core/matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN

namespace detail {

/// The read-only view of an Eigen matrix, map or block (a template parameter cannot be deduced through a conversion).
template <eigen_dense M>
matrix_view<const std::remove_cvref_t<decltype(*std::declval<M&>().data())>> const_view(M& matrix) {
  return matrix;
}
template <class T>
matrix_view<const T> const_view(const matrix_view<T>& view) {
  return view;
}

/// A matrix_view or an Eigen matrix, rows × classes, of scalars that a double can hold: float, double, 16-bit floats.
template <class M>
concept logit_matrix = requires(const M& m) {
  static_cast<double>(*const_view(m).data);
}
&&!std::integral<std::remove_cvref_t<decltype(*const_view(std::declval<const M&>()).data)>>;

/// A metric is a mean, and no rows or no classes leave nothing to average.
template <class T>
void check_logits(const char* metric, const char* name, const matrix_view<const T>& logits) {
  if (logits.rows < 1 || logits.columns < 1)
    fail(metric, ": ", name, " is empty (", logits.rows, " x ", logits.columns, ")");
  if (!logits) fail(metric, ": ", name, " has no data");
}

/// One label a row, each in [0, classes).
inline void check_labels(const char* metric, index rows, index classes, const index_view& labels) {
  if (labels.size() != rows) fail(metric, ": logits has ", rows, " rows, labels has ", labels.size());
  for (index r = 0; r < rows; ++r)
    if (labels[r] < 0 || labels[r] >= classes)
      fail(metric, ": labels[", r, "] is ", labels[r], ", classes are 0 to ", classes - 1);
}

template <class S, class T>
void check_pair(const char* metric, const matrix_view<const S>& student, const matrix_view<const T>& teacher) {
  check_logits(metric, "student", student);
  check_logits(metric, "teacher", teacher);
  if (student.rows != teacher.rows || student.columns != teacher.columns)
    fail(metric, ": student is ", student.rows, " x ", student.columns, ", teacher is ", teacher.rows, " x ",
         teacher.columns);
}

}  // namespace detail

DISTILL_NAMESPACE_END
