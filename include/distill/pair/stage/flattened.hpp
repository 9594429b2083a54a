#pragma once

#include <algorithm>

#include "../stage.hpp"

DISTILL_NAMESPACE_BEGIN

/// The whole matrix as one row, its rows one after the other: n×d → 1×nd. Way back: the same order.
struct flattened {
  static constexpr bool pointwise = false, keeps_input = false, keeps_output = false;

  feature_shape out(const feature_shape& in) const { return {1, in.size()}; }
  index kept(const feature_shape&) const { return 0; }

  template <class T>
  void forward(matrix_view<const T> in, matrix_view<T> out, T*, const execution& how) const {
    detail::for_row_pieces(in.rows, in.rows * in.columns, how, [&](index first, index last) {
      for (index r = first; r < last; ++r) std::copy_n(in.row(r), in.columns, out.row(0) + r * in.columns);
    });
  }
  template <class T>
  void backward(matrix_view<const T>, matrix_view<const T>, const T*, matrix_view<T> slope, matrix_view<T> to_in,
                const execution& how) const {
    detail::for_row_pieces(to_in.rows, to_in.rows * to_in.columns, how, [&](index first, index last) {
      for (index r = first; r < last; ++r) std::copy_n(slope.row(0) + r * to_in.columns, to_in.columns, to_in.row(r));
    });
  }
};

DISTILL_NAMESPACE_END
