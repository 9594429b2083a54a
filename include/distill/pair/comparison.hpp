// How two matrices are compared: the last step of a pair objective.
#pragma once

#include <algorithm>
#include <limits>

#include "../config.hpp"
#include "../row/algebra.hpp"
#include "../row/batch.hpp"
#include "stage.hpp"
#include "workspace.hpp"

DISTILL_NAMESPACE_BEGIN

/// What became of the features of one item, and where slopes go (empty where they are not wanted).
template <class T>
struct compared_matrices {
  matrix_view<const T> student, teacher;
  matrix_view<T> to_student, to_teacher;
  index joined_student = 0;  ///< item_kind::joined: how many of the rows are the student's
};

/// A comparison has
///   double compare(const compared_matrices<T>&, detail::pair_scratch<T>&, execution) const   the value of one item
///   void validate(feature_shape student, feature_shape teacher) const                        throws argument_error
/// and writes every slope it is asked for; numbers, rows and transport of the scratch are its own. One that iterates
/// has
///   void conclude(const transport_report&) const    once a call, with what became of the problems of all items

namespace detail {

inline void check_same_shape(const feature_shape& student, const feature_shape& teacher) {
  if (student.rows != teacher.rows || student.columns != teacher.columns)
    fail("what is compared of the student is ", student.rows, " x ", student.columns, ", of the teacher ", teacher.rows,
         " x ", teacher.columns);
}

}  // namespace detail

/// What becomes of the values of the rows.
enum class row_total { mean, sum, mean_of_entries };

/// A row objective over the rows: every objective of the catalogue compares relations as it compares logits. Its engine
/// is found where pair/evaluate.hpp is included.
template <row_objective X>
struct by_rows {
  X objective;
  row_total total = row_total::mean;
  row_parameter weights = 1;  ///< one for every row of an item; 0 removes a row, whatever it holds

  constexpr explicit by_rows(const X& objective_, row_total total_ = row_total::mean, row_parameter weights_ = 1)
      : objective(objective_), total(total_), weights(weights_) {}

  void validate(const feature_shape& student, const feature_shape& teacher) const {
    detail::check_same_shape(student, teacher);
    weights.require_rows("weights", student.rows);
    for (index r = 0; r < (weights.varies() ? student.rows : 1); ++r)
      if (!(weights[r] >= 0 && weights[r] <= std::numeric_limits<double>::max()))
        fail("weights[", r, "] is ", weights[r], ", must be finite and not negative");
  }
  template <class T>
  double compare(const compared_matrices<T>& m, detail::pair_scratch<T>& scratch, const execution& how) const {
    const index entries = m.student.rows * m.student.columns;
    const reduction by = total == row_total::mean  ? reduction::mean()
                         : total == row_total::sum ? reduction::sum()
                                                   : reduction::count(static_cast<double>(std::max<index>(entries, 1)));
    return value_and_gradient(objective, batch<T>{.student = m.student, .teacher = m.teacher},
                              {.student = output(m.to_student), .teacher = output(m.to_teacher)},
                              {.reduction = by, .weights = weights.first(m.student.rows), .execution = how},
                              scratch.rows);
  }

 private:
  template <class T>
  static row_output<T> output(const matrix_view<T>& m) {
    return m ? row_output<T>(m) : row_output<T>();
  }
};
DISTILL_NAMESPACE_END
