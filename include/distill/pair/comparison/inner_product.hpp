// Two kernel matrices of the same points, and how much one says of the other.
#pragma once

#include "../../config.hpp"
#include "../../core/error.hpp"
#include "../../core/sums.hpp"
#include "../../core/sweep.hpp"
#include "../comparison.hpp"

DISTILL_NAMESPACE_BEGIN

/// −⟨K, L⟩/divisor: the (negative) Hilbert–Schmidt independence criterion of centred kernel matrices. The divisor is
/// (n − 1)² or, for U-centred matrices, n (n − 3); where that is not positive the value is 0, the gradient too.
struct inner_product {
  bool unbiased = false;

  void validate(const feature_shape& student, const feature_shape& teacher) const {
    detail::check_same_shape(student, teacher);
  }
  template <class T>
  double compare(const compared_matrices<T>& m, detail::pair_scratch<T>& scratch, const execution& how) const {
    const index n = m.student.rows;
    double* const numbers = scratch.numbers.reserve(n);
    const auto size = static_cast<double>(n);
    const double divisor = unbiased ? size * (size - 3) : (size - 1) * (size - 1);
    const double factor = divisor > 0 ? -1 / divisor : 0;
    const auto scaled = [&](const matrix_view<const T>& from, const matrix_view<T>& to, index row) {
      if (to)
        detail::sweep<T>(
            m.student.columns,
            [f = simd<T>(static_cast<T>(factor))](const simd<T>& x, simd<T>& y) DISTILL_LAMBDA_INLINE { y = f * x; },
            from.row(row), to.row(row));
    };
    detail::for_row_pieces(n, n * m.student.columns, how, [&](index first, index last) {
      for (index r = first; r < last; ++r) {
        numbers[r] = detail::dot<T>(m.student.row(r), m.teacher.row(r), m.student.columns);
        scaled(m.teacher, m.to_student, r);
        scaled(m.student, m.to_teacher, r);
      }
    });
    double product = 0;
    for (index r = 0; r < n; ++r) product += numbers[r];
    return divisor > 0 ? factor * product : 0;
  }
};

DISTILL_NAMESPACE_END
