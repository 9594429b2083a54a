// Where rows point, as the cosine wants to know it.
#pragma once

#include <algorithm>
#include <cmath>

#include "../../config.hpp"
#include "../../core/lane.hpp"
#include "../../core/parallel.hpp"
#include "../../core/sums.hpp"
#include "../ground_cost_workspace.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// For the cosine: the rows of x and y at length 1, less the mean of all of them, which differences do not feel: rows
/// that point nearly the same way keep the digits in which they differ. 1 − cos = ‖x̂ − ŷ‖²/2.
template <class T>
class directions {
 public:
  struct side {
    matrix_view<const T> rows, units;  ///< as given, and at length 1 less the mean
    const double* norms;
    bool any_zero = false;
  };
  side x, y;

  directions(const matrix_view<const T>& x_, const matrix_view<const T>& y_, ground_cost_workspace<T>& workspace,
             const execution& how) {
    const index n = x_.rows, m = y_.rows, d = x_.columns;
    T* const units = workspace.units.reserve((n + m) * d);
    double* const numbers = workspace.numbers.reserve(n + m + std::max(n, m) + d);
    before_ = numbers + n + m;
    double* const mean = before_ + std::max(n, m);
    x = measured(x_, numbers, how), y = measured(y_, numbers + n, how);
    for_column_runs(n + m, d, how, [&](index first, index count) {
      std::fill_n(mean + first, count, 0.0);
      index used = add_units(x, first, count, mean) + add_units(y, first, count, mean);
      for (index c = first; c < first + count; ++c) mean[c] /= static_cast<double>(std::max<index>(used, 1));
    });
    x.units = turned(x, mean, units, how), y.units = turned(y, mean, units + n * d, how);
  }

  /// A number for each row of either side.
  double* before() const { return before_; }
  /// Calls f(i, j) where a row of zeros takes part.
  template <class F>
  void each_zero(const F& f) const {
    if (x.any_zero || y.any_zero)
      for (index i = 0; i < x.rows.rows; ++i)
        for (index j = 0; j < y.rows.rows; ++j)
          if (x.norms[i] == 0 || y.norms[j] == 0) f(i, j);
  }

 private:
  /// In double: an error of the norm moves a row along itself, which only rows that are nearly parallel feel.
  static double norm_of(const T* row, index size) {
    if constexpr (sizeof(T) == 8) return norm<T>(row, size);
    double squares[4] = {};
    for (index c = 0; c < size; ++c) squares[c % 4] += static_cast<double>(row[c]) * static_cast<double>(row[c]);
    return std::sqrt((squares[0] + squares[1]) + (squares[2] + squares[3]));
  }
  static side measured(const matrix_view<const T>& rows, double* norms, const execution& how) {
    for_row_pieces(rows.rows, rows.rows * rows.columns, how, [&](index first, index last) {
      for (index i = first; i < last; ++i) norms[i] = norm_of(rows.row(i), rows.columns);
    });
    return {rows, {}, norms, std::find(norms, norms + rows.rows, 0.0) != norms + rows.rows};
  }
  static index add_units(const side& s, index first, index count, double* mean) {
    index used = 0;
    for (index i = 0; i < s.rows.rows; ++i) {
      if (!std::isnormal(s.norms[i])) continue;
      ++used;
      const double share = 1 / s.norms[i];
      for (index c = first; c < first + count; ++c) mean[c] += share * static_cast<double>(s.rows(i, c));
    }
    return used;
  }
  static matrix_view<const T> turned(const side& s, const double* mean, T* to, const execution& how) {
    const index d = s.rows.columns;
    for_row_pieces(s.rows.rows, s.rows.rows * d, how, [&](index first, index last) {
      for (index i = first; i < last; ++i)
        for (index c = 0; c < d; ++c) {
          const double norm = s.norms[i];
          to[i * d + c] =
              norm == 0 ? T(0)
                        : static_cast<T>(lane<double>::fma(-norm, mean[c], static_cast<double>(s.rows(i, c))) / norm);
        }
    });
    return {to, s.rows.rows, d};
  }

  double* before_;
};

}  // namespace detail
DISTILL_NAMESPACE_END
