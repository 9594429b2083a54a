// One side of a contrastive objective: its rows at length 1, and their way back.
#pragma once

#include "../core/sums.hpp"
#include "../pair/chain.hpp"
#include "../pair/evaluate.hpp"
#include "../pair/stage/unit_rows.hpp"
#include "workspace.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

template <class T>
class unit_side {
 public:
  /// The rows of `above`, then those of `below`.
  unit_side(const matrix_view<const T>& above, const matrix_view<const T>& below, side_scratch<T>& scratch,
            const execution& how)
      : scratch_(scratch), how_(how), stride_(scratch_columns<T>(above.columns)) {
    const index total = above.rows + below.rows;
    rows_ = matrix_view<T>(scratch.rows.reserve(total * stride_), total, above.columns, stride_);
    norms_ = scratch.norms.reserve(total);
    make(above, 0);
    make(below, above.rows);
  }
  unit_side(const matrix_view<const T>& in, side_scratch<T>& scratch, const execution& how)
      : unit_side(in, matrix_view<const T>(nullptr, 0, in.columns), scratch, how) {}

  matrix_view<const T> rows() const { return rows_; }
  /// Where slopes are to be written.
  matrix_view<T> slopes() { return slopes_ = shaped(scratch_.slopes); }
  /// Where those of the same rows in their second part are.
  matrix_view<T> more_slopes() { return shaped(scratch_.more_slopes); }
  /// slopes += more
  void add(const matrix_view<T>& more) {
    for_row_pieces(rows_.rows, rows_.rows * rows_.columns, how_, [&](index first, index last) {
      for (index r = first; r < last; ++r) add_to(slopes_.row(r), static_cast<const T*>(more.row(r)), rows_.columns);
    });
  }
  /// Σ over all ⟨row, slope⟩: what a factor common to all of this side's similarities receives.
  double along() const {
    double total = 0;
    for (index r = 0; r < rows_.rows; ++r)
      total += dot<T>(rows_.row(r), static_cast<const T*>(slopes_.row(r)), rows_.columns);
    return total;
  }
  /// The gradient to the rows from `first` on. Overwrites the slopes.
  void back(index first, const matrix_view<T>& to, bool add) const {
    const auto part = [&](const matrix_view<T>& m) {
      return matrix_view<T>(m.row(first), to.rows, to.columns, m.row_stride);
    };
    const bool direct = !add && to.column_stride == 1;
    const matrix_view<T> slope = part(slopes_), result = direct ? to : slope;
    unit_rows{}.backward<T>({}, part(rows_), norms_ + first, slope, result, how_);
    if (!direct) store_scaled(matrix_view<const T>(slope), 1, add, to);
  }

 private:
  void make(matrix_view<const T> in, index first) {
    const matrix_view<T> to(rows_.row(first), in.rows, in.columns, stride_);
    if (in.column_stride != 1) in = copied(in, to);
    unit_rows{}.forward(in, to, norms_ + first, how_);
  }
  matrix_view<T> shaped(buffer<T>& memory) const {
    return {memory.reserve(rows_.rows * stride_), rows_.rows, rows_.columns, stride_};
  }

  side_scratch<T>& scratch_;
  execution how_;
  index stride_;
  matrix_view<T> rows_, slopes_;
  T* norms_ = nullptr;
};

}  // namespace detail
DISTILL_NAMESPACE_END
