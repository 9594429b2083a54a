// Do two networks see the classes in the same features?
#pragma once

#include <algorithm>
#include <cmath>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// A row g of a matrix as ‖g‖ and g/‖g‖; 0 stays 0. Squares neither over- nor underflow.
template <class T>
class unit_row_reader {
 public:
  unit_row_reader(const matrix_view<const T>& of, index row) : of_(of), row_(row) {
    for (index j = 0; j < of.columns; ++j) largest_ = std::max(largest_, std::abs(entry(j)));
    if (largest_ == 0) return;
    for (index j = 0; j < of.columns; ++j) norm_ += entry(j) / largest_ * (entry(j) / largest_);
    norm_ = std::sqrt(norm_);  // in units of the largest
  }
  double direction(index j) const { return norm_ == 0 ? 0 : entry(j) / largest_ / norm_; }
  /// Row j of g gᵀ over the larger of its length and `floor` is this multiple of g/‖g‖: the sign of g_j, less below
  /// the floor.
  double multiple(index j, double floor) const {
    const double length = entry(j) * norm_ * largest_;
    if (std::abs(length) <= floor && floor > 0) return length / floor;
    return entry(j) > 0 ? 1.0 : entry(j) < 0 ? -1.0 : entry(j);
  }

 private:
  double entry(index j) const { return static_cast<double>(of_(row_, j)); }

  matrix_view<const T> of_;
  index row_;
  double largest_ = 0, norm_ = 0;
};

}  // namespace detail

/// DisWOT's semantic distance between classifiers' weight gradients g, C × d: for each class the channel correlations
/// g_c g_cᵀ with rows at length 1, compared entry by entry.
///
///     D_sem = Σ_c ‖Â_s,c − Â_t,c‖²/(d C),  A = g_c g_cᵀ, Â_j = A_j / max(‖A_j‖, floor)
///
/// No matrix A is made: it is of rank one, Â_j = a_j u with u = g_c/‖g_c‖ and a_j the sign of g_c,j (0 where that is 0,
/// a fraction below the floor), so a class has Σ_j ‖a_j u − b_j v‖² = Σ (a_j − b_j)² + Σ a_j b_j · ‖u − v‖², or with
/// three signs turned if Σ a_j b_j is negative: O(C d), and no digit is lost between gradients that hardly differ. g
/// and −g are the same. A class without gradient has Â = 0. Source: P. Dong, L. Li, Z. Wei, "DisWOT", CVPR 2023, arXiv
/// 2303.15678, and its program, distiller_zoo/ICKD.py; the floor is that of its normalisation. 0 leaves it out, so that
/// the scale of a gradient does not matter.
///
/// @param student, teacher  C × d of any strides: head_gradient(), or a linear layer's weight gradient transposed
/// @throws argument_error  shapes that differ, no classes or features, a floor that is negative or NaN
template <class T>
double semantic_distance(const matrix_view<const T>& student, const matrix_view<const T>& teacher,
                         double floor = 1e-12) {
  if (student.columns != teacher.columns)
    fail("semantic_distance: student has width ", student.columns, ", teacher has width ", teacher.columns,
         ", equal widths expected");
  if (student.rows != teacher.rows)
    fail("semantic_distance: student has ", student.rows, " classes, teacher has ", teacher.rows);
  if (student.rows < 1 || student.columns < 1)
    fail("semantic_distance: gradients are ", student.rows, " x ", student.columns, ", at least 1 x 1 expected");
  if (!(floor >= 0)) fail("semantic_distance: floor is ", floor, ", at least 0 expected");
  double sum = 0;
  for (index c = 0; c < student.rows; ++c) {
    const detail::unit_row_reader<T> s(student, c), t(teacher, c);
    double less = 0, more = 0, common = 0, apart = 0, opposite = 0;
    for (index j = 0; j < student.columns; ++j) {
      const double a = s.multiple(j, floor), b = t.multiple(j, floor), u = s.direction(j), v = t.direction(j);
      less += (a - b) * (a - b);
      more += (a + b) * (a + b);
      common += a * b;
      apart += (u - v) * (u - v);
      opposite += (u + v) * (u + v);
    }
    sum += common < 0 ? more - common * opposite : less + common * apart;
  }
  return sum / static_cast<double>(student.columns * student.rows);
}

DISTILL_NAMESPACE_END
