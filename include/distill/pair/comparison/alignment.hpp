// Two matrices compared as two long vectors.
#pragma once

#include <cmath>

#include "../../config.hpp"
#include "../../core/sums.hpp"
#include "../../core/sweep.hpp"
#include "../comparison.hpp"

DISTILL_NAMESPACE_BEGIN

/// How alike two matrices of the same shape are: a = ⟨K, L⟩/(‖K‖ ‖L‖), entry by entry. Value 1 − a; 1 with gradient 0
/// where a norm is 0. Way back: dK = −(L/‖L‖ − a K/‖K‖)/‖K‖.
/// Near 1 the value is formed as ‖K/‖K‖ − L/‖L‖‖²/2, without cancellation.
struct alignment {
  index least_rows = 1;  ///< with fewer rows: value 1, gradient 0

  void validate(const feature_shape& student, const feature_shape& teacher) const {
    detail::check_same_shape(student, teacher);
  }
  template <class T>
  double compare(const compared_matrices<T>& m, detail::pair_scratch<T>& scratch, const execution& how) const {
    const index rows = m.student.rows, columns = m.student.columns;
    double* const numbers = scratch.numbers.reserve(3 * rows);
    const auto added = [&](int which) {
      double total = 0;
      for (index r = 0; r < rows; ++r) total += numbers[which * rows + r];
      return total;
    };
    detail::for_row_pieces(rows, rows * columns, how, [&](index first, index last) {
      for (index r = first; r < last; ++r) {
        numbers[r] = detail::dot<T>(m.student.row(r), m.student.row(r), columns);
        numbers[rows + r] = detail::dot<T>(m.teacher.row(r), m.teacher.row(r), columns);
        numbers[2 * rows + r] = detail::dot<T>(m.student.row(r), m.teacher.row(r), columns);
      }
    });
    const double k = std::sqrt(added(0)), l = std::sqrt(added(1)), product = added(2);
    if (k == 0 || l == 0 || rows < least_rows) {
      for (index r = 0; r < rows; ++r) {
        if (m.to_student) detail::fill(m.to_student.row(r), T(0), columns);
        if (m.to_teacher) detail::fill(m.to_teacher.row(r), T(0), columns);
      }
      return 1;
    }
    double distance = 1 - product / k / l;
    if (distance < 0.5) {
      detail::for_row_pieces(rows, rows * columns, how, [&](index first, index last) {
        for (index r = first; r < last; ++r)
          numbers[r] = detail::sum_of_batches<T>(
              columns,
              [a = simd<T>(static_cast<T>(1 / k)), b = simd<T>(static_cast<T>(1 / l))](
                  const simd<T>& x, const simd<T>& y) DISTILL_LAMBDA_INLINE {
                const simd<T> d = a * x - b * y;
                return d * d;
              },
              m.student.row(r), m.teacher.row(r));
      });
      distance = added(0) / 2;
    }
    const double a = 1 - distance;
    const auto slopes = [&](const matrix_view<const T>& own, const matrix_view<const T>& other, double own_norm,
                            double other_norm, const matrix_view<T>& to) {
      if (!to) return;
      detail::for_row_pieces(rows, rows * columns, how, [&](index first, index last) {
        for (index r = first; r < last; ++r)
          detail::sweep<T>(
              columns,
              [x = simd<T>(static_cast<T>(a / own_norm / own_norm)),
               y = simd<T>(static_cast<T>(1 / own_norm / other_norm))](const simd<T>& mine, const simd<T>& theirs,
                                                                       simd<T>& slope)
                  DISTILL_LAMBDA_INLINE { slope = x * mine - y * theirs; },
              own.row(r), other.row(r), to.row(r));
      });
    };
    slopes(m.student, m.teacher, k, l, m.to_student);
    slopes(m.teacher, m.student, l, k, m.to_teacher);
    return distance;
  }
};

DISTILL_NAMESPACE_END
