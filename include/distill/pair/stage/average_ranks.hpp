#pragma once

#include <cstddef>

#include "../../core/sweep.hpp"
#include "../../rank/average_ranks.hpp"
#include "../stage.hpp"

DISTILL_NAMESPACE_BEGIN

/// Ascending ranks of the numbers of every row: 1 for the smallest of n, n for the largest; equal ones, −inf among
/// them, share the mean of their places. A row with a NaN becomes NaN. Ranks are constant wherever they are smooth:
/// gradient 0.
struct average_ranks {
  static constexpr bool pointwise = true, keeps_input = false, keeps_output = false;

  feature_shape out(const feature_shape& in) const { return in; }
  index kept(const feature_shape& in) const {  // scratch for each piece
    return detail::count_row_pieces(in.rows, in.rows * in.columns) *
           (rank_scratch<float>::bytes(in.columns) / static_cast<index>(sizeof(float)));
  }

  template <class T>
  void forward(matrix_view<const T> in, matrix_view<T> out, T* kept, const execution& how) const {
    auto* const memory = reinterpret_cast<std::byte*>(kept);
    detail::for_row_pieces(in.rows, in.rows * in.columns, how, [&](index first, index last, index piece) {
      const rank_scratch<T> scratch(memory + piece * rank_scratch<T>::bytes(in.columns), in.columns);
      for (index r = first; r < last; ++r) average_rank_row(in.row(r), in.columns, out.row(r), scratch);
    });
  }
  template <class T>
  void backward(matrix_view<const T>, matrix_view<const T>, T*, matrix_view<T>, matrix_view<T> to_in,
                const execution&) const {
    for (index r = 0; r < to_in.rows; ++r) detail::fill(to_in.row(r), T(0), to_in.columns);
  }
};

DISTILL_NAMESPACE_END
