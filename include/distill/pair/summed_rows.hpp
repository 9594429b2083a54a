#pragma once

#include "comparison.hpp"

DISTILL_NAMESPACE_BEGIN

/// A row objective, added up over the rows: as by_rows, without the division by their number.
template <row_objective X>
struct summed_rows {
  X objective;

  void validate(const feature_shape& student, const feature_shape& teacher) const {
    detail::check_same_shape(student, teacher);
  }
  index numbers(index) const { return 0; }
  template <class T>
  double compare(const compared_matrices<T>& m, row_workspace<T>& workspace, double*, const execution& how) const {
    return value_and_gradient(objective, batch<T>{.student = m.student, .teacher = m.teacher},
                              {.student = output(m.to_student), .teacher = output(m.to_teacher)},
                              {.reduction = reduction::sum(), .execution = how}, workspace);
  }

 private:
  template <class T>
  static row_output<T> output(const matrix_view<T>& m) {
    return m ? row_output<T>(m) : row_output<T>();
  }
};
template <row_objective X>
summed_rows(const X&) -> summed_rows<X>;

DISTILL_NAMESPACE_END
