// Two sets of points in one kernel matrix, and how far their means lie apart.
#pragma once

#include "../../config.hpp"
#include "../../core/sums.hpp"
#include "../../core/sweep.hpp"
#include "../comparison.hpp"

DISTILL_NAMESPACE_BEGIN

/// For item_kind::joined: the squared maximum mean discrepancy (V-statistic, diagonals included)
///   mean k(s, s) + mean k(t, t) − 2 mean k(s, t) = Σ_ij w_i w_j K_ij,  w = 1/n_s for the student's rows, −1/n_t else.
/// Never negative for a positive definite kernel, up to rounding, which is cut off at 0.
struct mean_discrepancy {
  void validate(const feature_shape&, const feature_shape&) const {}
  template <class T>
  double compare(const compared_matrices<T>& m, detail::pair_scratch<T>& scratch, const execution& how) const {
    const index n = m.student.rows, own = m.joined_student;
    double* const numbers = scratch.numbers.reserve(n);
    const double mine = 1 / static_cast<double>(own), theirs = -1 / static_cast<double>(n - own);
    detail::for_row_pieces(n, n * n, how, [&](index first, index last) {
      for (index r = first; r < last; ++r) {
        const double w = r < own ? mine : theirs;
        numbers[r] = w * (mine * detail::sum<T>(m.student.row(r), own) +
                          theirs * detail::sum<T>(m.student.row(r) + own, n - own));
        if (!m.to_student) continue;
        detail::fill(m.to_student.row(r), static_cast<T>(w * mine), own);
        detail::fill(m.to_student.row(r) + own, static_cast<T>(w * theirs), n - own);
      }
    });
    double value = 0;
    for (index r = 0; r < n; ++r) value += numbers[r];
    return value < 0 ? 0 : value;
  }
};

DISTILL_NAMESPACE_END
