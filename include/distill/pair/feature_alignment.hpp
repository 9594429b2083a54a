// Linear CKA without n×n matrices.
#pragma once

#include <cmath>

#include "../config.hpp"
#include "../core/buffer.hpp"
#include "../dense/product.hpp"
#include "../dense/symmetric.hpp"
#include "comparison/alignment.hpp"
#include "stage/centred.hpp"
#include "workspace.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// Multiply-adds of the two forms, gradients to `sides` sides included. A symmetric product counts half.
inline bool feature_form_is_cheaper(index rows, index student, index teacher, int sides) {
  const auto n = static_cast<double>(rows), a = static_cast<double>(student), b = static_cast<double>(teacher);
  const double by_rows = n * n * (a + b) / 2 + n * n * (sides == 0 ? 0 : sides == 1 ? a : a + b);
  const double by_features =
      n * (a * a + b * b) / 2 + n * a * b + (sides > 0 ? n * a * (a + b) : 0) + (sides > 1 ? n * b * (a + b) : 0);
  return by_features < by_rows;
}

/// 1 − ‖Yᵀ X‖²/(‖Xᵀ X‖ ‖Yᵀ Y‖) of centred X, Y, and with a the alignment
/// dX = 2 (a X (Xᵀ X)/‖Xᵀ X‖² − Y (Yᵀ X)/(‖Xᵀ X‖ ‖Yᵀ Y‖)), likewise dY. The products are rounded in T, so the value is
/// within some ε_T of 1 − a however small it is.
template <class T>
class feature_alignment {
 public:
  feature_alignment(const matrix_view<const T>& student, const matrix_view<const T>& teacher, pair_scratch<T>& scratch,
                    const execution& how)
      : scratch_(scratch),
        how_(how),
        x_(centred(student, 0)),
        y_(centred(teacher, 1)),
        xx_(square(scratch.stages[0], x_.columns, x_.columns)),
        yy_(square(scratch.stages[1], y_.columns, y_.columns)),
        yx_(square(scratch.slopes[0], y_.columns, x_.columns)) {
    symmetric_product<T>(transposed<const T>(x_), xx_, how);
    symmetric_product<T>(transposed<const T>(y_), yy_, how);
    product<T>(transposed<const T>(y_), x_, yx_, {}, how);
    k_ = std::sqrt(squares(xx_)), l_ = std::sqrt(squares(yy_));
    alignment_ = defined() ? squares(yx_) / k_ / l_ : 0;
  }

  double value() const { return std::isnan(alignment_) ? alignment_ : std::max(0.0, 1 - alignment_); }

  matrix_view<T> to_student() {
    return slope(x_, y_, xx_, {yx_.data, yx_.rows, yx_.columns, yx_.row_stride}, k_, l_, 0);
  }
  matrix_view<T> to_teacher() { return slope(y_, x_, yy_, transposed(yx_), l_, k_, 1); }

 private:
  bool defined() const { return k_ != 0 && l_ != 0; }

  matrix_view<T> centred(const matrix_view<const T>& from, int side) {
    const matrix_view<T> to = square(scratch_.features[side], from.rows, from.columns);
    subtract_column_means(from, to, how_);
    return to;
  }
  static matrix_view<T> square(buffer<T>& memory, index rows, index columns) {
    const feature_shape s{rows, columns};
    return {memory.reserve(scratch_size<T>(s)), rows, columns, scratch_columns<T>(columns)};
  }
  static double squares(const matrix_view<T>& m) {
    double total = 0;
    for (index r = 0; r < m.rows; ++r) total += dot<T>(m.row(r), m.row(r), m.columns);
    return total;
  }
  matrix_view<T> slope(const matrix_view<T>& own, const matrix_view<T>& other, const matrix_view<T>& own_square,
                       const matrix_view<T>& cross, double own_norm, double other_norm, int side) {
    const matrix_view<T> to = square(scratch_.compared[side], own.rows, own.columns);
    if (!defined()) {
      for (index r = 0; r < to.rows; ++r) fill(to.row(r), T(0), to.columns);
      return to;
    }
    product<T>(own, own_square, to, {}, how_, static_cast<T>(2 * alignment_ / own_norm / own_norm));
    product<T>(other, cross, to, to, how_, static_cast<T>(-2 / own_norm / other_norm));
    return to;
  }

  pair_scratch<T>& scratch_;
  execution how_;
  matrix_view<T> x_, y_, xx_, yy_, yx_;
  double k_ = 0, l_ = 0, alignment_ = 0;
};

}  // namespace detail
DISTILL_NAMESPACE_END
