// Two tables compared by the correlation of their rows and of their columns, in one sweep over both.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "../../config.hpp"
#include "../../core/parallel.hpp"
#include "../comparison.hpp"

DISTILL_NAMESPACE_BEGIN

namespace detail {

/// Sums over pairs (x, y), from which Pearson's correlation follows without cancellation where x and y are near:
/// δ = x − y keeps its own digits.
struct correlation_sums {
  double x = 0, delta = 0, delta2 = 0, delta_sum = 0, x2 = 0;  // δ_sum = Σ δ (x + y)

  void add(double a, double b) {
    const double d = a - b;
    x += a;
    delta += d;
    delta2 += d * d;
    delta_sum += d * (a + b);
    x2 += a * a;
  }
  void add(const correlation_sums& o) {
    x += o.x, delta += o.delta, delta2 += o.delta2, delta_sum += o.delta_sum, x2 += o.x2;
  }
};

/// 1 − ρ and, for each side, its slope at (x, y): to_x = of_delta · (x − y) + of_own · x + constant (for y: y − x, y).
struct correlation_slopes {
  double value = 1;
  struct side {
    double of_delta = 0, of_own = 0, constant = 0;
  } x, y;
};

/// 1 − ρ = (Σ δ_c² − (‖a‖ − ‖b‖)²)/(2 ‖a‖ ‖b‖) with centred a, b, δ_c. A constant x or y has ρ = 0 and no slope.
inline correlation_slopes correlation_of(const correlation_sums& s, double count) {
  correlation_slopes result;
  const double mean_x = s.x / count, mean_delta = s.delta / count, mean_y = mean_x - mean_delta;
  const double delta2 = std::max(0.0, s.delta2 - s.delta * mean_delta);
  const double a2 = s.x2 - s.x * mean_x, gap2 = s.delta_sum - s.delta * (mean_x + mean_y);  // ‖a‖² − ‖b‖²
  const double b2 = a2 - gap2;
  constexpr double noise = 1e-15;  // of sums over the same numbers
  if (!(a2 > noise * s.x2) || !(b2 > noise * (std::abs(s.x2) + std::abs(s.delta_sum)))) {
    if (std::isnan(a2) || std::isnan(b2)) result.value = a2 + b2;
    return result;
  }
  const double a = std::sqrt(a2), b = std::sqrt(b2), gap = gap2 / (a + b);
  result.value = std::max(0.0, (delta2 - gap * gap) / (2 * a * b));
  // ∂(1 − ρ)/∂x = −(b̂ − ρ â)/‖a‖ = [δ_c − a (gap/‖a‖ + (1 − ρ) ‖b‖/‖a‖)]/(‖a‖ ‖b‖)
  const auto slope = [&](double own, double other, double own_gap, double mean_own, double mean_d) {
    correlation_slopes::side r;
    r.of_delta = 1 / (own * other);
    r.of_own = -(own_gap + result.value * other) / own * r.of_delta;
    r.constant = -mean_d * r.of_delta - mean_own * r.of_own;
    return r;
  };
  result.x = slope(a, b, gap, mean_x, mean_delta);
  result.y = slope(b, a, -gap, mean_y, -mean_delta);
  return result;
}

}  // namespace detail

/// row_weight · (1 − mean_i ρ(row i)) + column_weight · (1 − mean_c ρ(column c)) with Pearson's ρ. A constant row or
/// column has ρ = 0 and no gradient; so has every column of a single row.
/// Source: Huang et al. 2022 (DIST), arXiv 2205.10536, eq. 8 to 10.
struct correlations {
  double row_weight = 1, column_weight = 1;

  void validate(const feature_shape& student, const feature_shape& teacher) const {
    detail::check_same_shape(student, teacher);
  }
  template <class T>
  double compare(const compared_matrices<T>& m, detail::pair_scratch<T>& scratch, const execution& how) const {
    const index rows = m.student.rows, columns = m.student.columns;
    const index cuts = pieces({rows, columns});
    constexpr auto size = [](const auto& of) { return static_cast<index>(sizeof of / sizeof(double)); };
    double* const numbers = scratch.numbers.reserve(size(detail::correlation_sums{}) * columns * cuts +
                                                    size(detail::correlation_slopes{}) * (rows + columns));
    auto* const sums = reinterpret_cast<detail::correlation_sums*>(numbers);
    auto* const slopes = reinterpret_cast<detail::correlation_slopes*>(sums + columns * cuts);
    detail::correlation_slopes *const of_row = slopes, *const of_column = slopes + rows;
    // Columns are summed from their first row's numbers, lest a common part should cancel.
    const auto start = [&](const matrix_view<const T>& of, index c) { return static_cast<double>(of(0, c)); };
    parallel_for(cuts, how.count(), [&](index cut, int) {
      detail::correlation_sums* const mine = sums + cut * columns;
      std::fill_n(mine, columns, detail::correlation_sums{});
      for (index r = rows * cut / cuts; r < rows * (cut + 1) / cuts; ++r) {
        detail::correlation_sums row;
        const double base_x = static_cast<double>(m.student(r, 0)), base_y = static_cast<double>(m.teacher(r, 0));
        for (index c = 0; c < columns; ++c) {
          const auto x = static_cast<double>(m.student(r, c)), y = static_cast<double>(m.teacher(r, c));
          row.add(x - base_x, y - base_y);
          mine[c].add(x - start(m.student, c), y - start(m.teacher, c));
        }
        of_row[r] = shifted(detail::correlation_of(row, static_cast<double>(columns)), base_x, base_y);
      }
    });
    double row_total = 0, column_total = 0;
    for (index r = 0; r < rows; ++r) row_total += of_row[r].value;
    for (index c = 0; c < columns; ++c) {
      detail::correlation_sums all;
      for (index cut = 0; cut < cuts; ++cut) all.add(sums[cut * columns + c]);
      of_column[c] =
          shifted(detail::correlation_of(all, static_cast<double>(rows)), start(m.student, c), start(m.teacher, c));
      column_total += of_column[c].value;
    }
    const double by_row = row_weight / static_cast<double>(rows),
                 by_column = column_weight / static_cast<double>(columns);
    const auto write = [&](const matrix_view<const T>& own, const matrix_view<const T>& other, const matrix_view<T>& to,
                           auto side) {
      if (!to) return;
      parallel_for(cuts, how.count(), [&](index cut, int) {
        for (index r = rows * cut / cuts; r < rows * (cut + 1) / cuts; ++r)
          for (index c = 0; c < columns; ++c) {
            const auto mine = static_cast<double>(own(r, c));
            const double delta = mine - static_cast<double>(other(r, c));
            const auto &p = of_row[r].*side, &q = of_column[c].*side;
            to(r, c) = static_cast<T>(by_row * (p.of_delta * delta + p.of_own * mine + p.constant) +
                                      by_column * (q.of_delta * delta + q.of_own * mine + q.constant));
          }
      });
    };
    write(m.student, m.teacher, m.to_student, &detail::correlation_slopes::x);
    write(m.teacher, m.student, m.to_teacher, &detail::correlation_slopes::y);
    return by_row * row_total + by_column * column_total;
  }

 private:
  static index pieces(const feature_shape& s) { return std::max<index>(1, std::min<index>(8, s.rows / 16)); }

  /// Slopes of sums over x − base_x, y − base_y, as slopes of x and y themselves.
  static detail::correlation_slopes shifted(detail::correlation_slopes s, double base_x, double base_y) {
    s.x.constant -= s.x.of_delta * (base_x - base_y) + s.x.of_own * base_x;
    s.y.constant -= s.y.of_delta * (base_y - base_x) + s.y.of_own * base_y;
    return s;
  }
};

DISTILL_NAMESPACE_END
