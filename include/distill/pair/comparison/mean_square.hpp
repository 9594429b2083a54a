// The mean square of what a joined item became.
#pragma once

#include "../../config.hpp"
#include "../../core/sums.hpp"
#include "../../core/sweep.hpp"
#include "../comparison.hpp"

DISTILL_NAMESPACE_BEGIN

/// The mean of x² over all entries, for joined items whose stages have taken the difference of the two networks
/// already. Slopes 2x/size.
struct mean_square {
  void validate(const feature_shape&, const feature_shape&) const {}
  template <class T>
  double compare(const compared_matrices<T>& m, detail::pair_scratch<T>& scratch, const execution& how) const {
    const index rows = m.student.rows, columns = m.student.columns;
    double* const numbers = scratch.numbers.reserve(rows);
    if (rows * columns == 0) return 0;
    const double share = 1 / static_cast<double>(rows * columns);
    detail::for_row_pieces(rows, rows * columns, how, [&](index first, index last) {
      for (index r = first; r < last; ++r) {
        const T* const x = m.student.row(r);
        numbers[r] = detail::dot<T>(x, x, columns);
        if (m.to_student)
          detail::sweep<T>(
              columns,
              [f = simd<T>(static_cast<T>(2 * share))](const simd<T>& a, simd<T>& g)
                  DISTILL_LAMBDA_INLINE { g = f * a; },
              x, m.to_student.row(r));
      }
    });
    double total = 0;
    for (index r = 0; r < rows; ++r) total += numbers[r];  // one order, whatever the threads did
    return total * share;
  }
};

DISTILL_NAMESPACE_END
