// Rows compared by their means.
#pragma once

#include "../../config.hpp"
#include "../../core/sums.hpp"
#include "../../core/sweep.hpp"
#include "../comparison.hpp"

DISTILL_NAMESPACE_BEGIN

/// mean_r (mean of the student's row r − mean of the teacher's)²; rows may differ in length between the sides. What the
/// two sides share costs no digits: a row's mean is formed as the distance from its first entry.
/// Slopes 2 (s̄_r − t̄_r)/(rows · columns), and the negative of that.
struct row_mean_gap {
  void validate(const feature_shape& student, const feature_shape& teacher) const {
    if (student.rows != teacher.rows) fail("student has ", student.rows, " rows, teacher has ", teacher.rows);
  }
  template <class T>
  double compare(const compared_matrices<T>& m, detail::pair_scratch<T>& scratch, const execution& how) const {
    const index rows = m.student.rows;
    double* const numbers = scratch.numbers.reserve(rows);
    detail::for_row_pieces(rows, rows * (m.student.columns + m.teacher.columns), how, [&](index first, index last) {
      for (index r = first; r < last; ++r) {
        const T *const s = m.student.row(r), *const t = m.teacher.row(r);
        const double gap = (origin(s, m.student.columns) - origin(t, m.teacher.columns)) +
                           (mean_less_first(s, m.student.columns) - mean_less_first(t, m.teacher.columns));
        numbers[r] = gap;
        fill(m.to_student, r, 2 * gap);
        fill(m.to_teacher, r, -2 * gap);
      }
    });
    double total = 0;
    for (index r = 0; r < rows; ++r) total += numbers[r] * numbers[r];  // one order, whatever the threads did
    return total / static_cast<double>(rows);
  }

 private:
  template <class T>
  static double origin(const T* x, index size) {
    return size == 0 ? 0 : static_cast<double>(x[0]);
  }
  template <class T>
  static double mean_less_first(const T* x, index size) {
    if (size == 0) return 0;
    const index whole = size / lane<simd<T>>::width * lane<simd<T>>::width;
    double total = detail::sum_of_batches<T>(
        whole, [start = simd<T>(x[0])](const simd<T>& a) DISTILL_LAMBDA_INLINE { return a - start; }, x);
    for (index i = whole; i < size; ++i) total += static_cast<double>(x[i]) - static_cast<double>(x[0]);
    return total / static_cast<double>(size);
  }
  template <class T>
  static void fill(const matrix_view<T>& to, index row, double slope) {
    if (to)
      detail::fill(to.row(row),
                   static_cast<T>(slope / (static_cast<double>(to.rows) * static_cast<double>(to.columns))),
                   to.columns);
  }
};

DISTILL_NAMESPACE_END
