// One network's features of one item, on their way to the comparison and back.
#pragma once

#include <algorithm>

#include "../config.hpp"
#include "../core/sweep.hpp"
#include "chain.hpp"
#include "features.hpp"
#include "workspace.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// to = from, whatever the strides.
template <class T>
matrix_view<T> copied(const matrix_view<const T>& from, const matrix_view<T>& to) {
  for (index r = 0; r < from.rows; ++r)
    if (from.column_stride == 1)
      std::copy_n(from.row(r), from.columns, to.row(r));
    else
      for (index c = 0; c < from.columns; ++c) to(r, c) = from(r, c);
  return to;
}

/// to (+)= factor · from
template <class T>
void store_scaled(const matrix_view<const T>& from, double factor, bool add, const matrix_view<T>& to) {
  const auto f = static_cast<T>(factor);
  for (index r = 0; r < from.rows; ++r) {
    if (to.column_stride == 1 && add)
      sweep<T>(
          from.columns, [v = simd<T>(f)](const simd<T>& x, simd<T>& y) DISTILL_LAMBDA_INLINE { y += v * x; },
          from.row(r), to.row(r));
    else if (to.column_stride == 1)
      sweep<T>(
          from.columns, [v = simd<T>(f)](const simd<T>& x, simd<T>& y) DISTILL_LAMBDA_INLINE { y = v * x; },
          from.row(r), to.row(r));
    else
      for (index c = 0; c < from.columns; ++c) to(r, c) = (add ? to(r, c) : T(0)) + f * from(r, c);
  }
}

template <class T>
void cleared(const matrix_view<T>& to, index first_row = 0) {
  for (index r = first_row; r < to.rows; ++r)
    for (index c = 0; c < to.columns; ++c) to(r, c) = 0;
}

template <class T>
void cleared(const feature_gradients<T>& out) {
  for (const feature_stack<T>* to : {&out.student, &out.teacher, &out.student_next, &out.teacher_next})
    for (index i = 0; *to && i < to->items; ++i) cleared(to->item(i));
}

/// One network's features of one item on their way to the comparison and back.
template <class T, class Chain>
class pair_side {
 public:
  pair_side(const Chain& stages, const feature_shape& shape, pair_scratch<T>& scratch, int side)
      : run_(stages, shape), scratch_(scratch), side_(side) {}

  const feature_shape& out() const { return run_.out(); }
  /// Memory for a copy of the features, where they cannot be read in place.
  matrix_view<T> own_features(const feature_shape& s) {
    return {scratch_.features[side_].reserve(scratch_size<T>(s)), s.rows, s.columns, scratch_columns<T>(s.columns)};
  }
  matrix_view<const T> forward(const matrix_view<const T>& in, const execution& how) {
    in_ = in;
    return run_.forward(in, scratch_.stages[side_].reserve(run_.memory()), how);
  }
  matrix_view<T> slopes() {
    const feature_shape& s = out();
    return {scratch_.compared[side_].reserve(scratch_size<T>(s)), s.rows, s.columns, scratch_columns<T>(s.columns)};
  }
  matrix_view<const T> backward(const matrix_view<T>& slopes, const execution& how) {
    return run_.backward(in_, scratch_.stages[side_].data(), slopes, scratch_.slopes[side_].reserve(run_.slopes()),
                         how);
  }

 private:
  chain_run<T, Chain> run_;
  pair_scratch<T>& scratch_;
  int side_;
  matrix_view<const T> in_;
};

/// The features of one item, as the chains want them: rows that count, column stride 1.
template <class T>
matrix_view<const T> ready(matrix_view<const T> item, index rows, auto& side) {
  item.rows = rows;
  if (item.column_stride == 1) return item;
  return copied(item, side.own_features({item.rows, item.columns}));
}

template <class T>
feature_shape with_rows(const feature_stack<T>& stack, index rows) {
  feature_shape s = stack.shape;
  s.rows = rows;
  return s;
}

}  // namespace detail
DISTILL_NAMESPACE_END
