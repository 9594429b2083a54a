#pragma once

#include <cstddef>

#include "../../rank/soft_ranks.hpp"
#include "../stage.hpp"

DISTILL_NAMESPACE_BEGIN

/// Soft ranks of the numbers of every row, ascending: rank/soft_ranks.hpp has the mathematics, what becomes of −inf, of
/// equal numbers and of NaN, and the default strength. O(n log n) there, O(n) back; keeps the order of every row.
/// @throws argument_error  softness not positive and finite; strength negative or not finite
/// Source: Blondel et al. 2020, arXiv 2002.08871.
struct soft_ranks {
  soft_rank_options options{};

  static constexpr bool pointwise = true, keeps_input = true, keeps_output = true;

  feature_shape out(const feature_shape& in) const {
    options.validate("soft_ranks");
    return in;
  }
  /// What is known of the rows, their orders, scratch for each piece. Numbers of two floats' size hold more.
  index kept(const feature_shape& in) const {
    const index bytes = scratch_at(in.rows, in.columns) + detail::count_row_pieces(in.rows, in.rows * in.columns) *
                                                              rank_scratch<float>::bytes(in.columns);
    return bytes / static_cast<index>(sizeof(float));
  }

  template <class T>
  void forward(matrix_view<const T> in, matrix_view<T> out, T* kept, const execution& how) const {
    auto* const memory = reinterpret_cast<std::byte*>(kept);
    detail::for_row_pieces(in.rows, in.rows * in.columns, how, [&](index first, index last, index piece) {
      const rank_scratch<T> scratch(
          memory + scratch_at(in.rows, in.columns) + piece * rank_scratch<T>::bytes(in.columns), in.columns);
      for (index r = first; r < last; ++r)
        ranking(kept, r) = soft_rank_row(in.row(r), in.columns, options, out.row(r), order(kept, in, r), scratch);
    });
  }
  template <class T>
  void backward(matrix_view<const T> in, matrix_view<const T> out, T* kept, matrix_view<T> slope, matrix_view<T> to_in,
                const execution& how) const {
    detail::for_row_pieces(in.rows, in.rows * in.columns, how, [&](index first, index last) {
      for (index r = first; r < last; ++r)
        soft_rank_row_back(in.row(r), out.row(r), in.columns, options, ranking(kept, r), order(kept, in, r),
                           static_cast<const T*>(slope.row(r)), to_in.row(r));
    });
  }

 private:
  static index whole_lines(index bytes) {
    constexpr index line = static_cast<index>(cache_line);
    return (bytes + line - 1) / line * line;
  }
  static index orders_at(index rows) { return whole_lines(rows * static_cast<index>(sizeof(soft_ranking))); }
  static index scratch_at(index rows, index columns) {
    return orders_at(rows) + whole_lines(rows * columns * static_cast<index>(sizeof(std::int32_t)));
  }
  template <class T>
  static soft_ranking& ranking(T* kept, index row) {
    return reinterpret_cast<soft_ranking*>(kept)[row];
  }
  template <class T>
  static std::int32_t* order(T* kept, const matrix_view<const T>& in, index row) {
    auto* const orders = reinterpret_cast<std::byte*>(kept) + orders_at(in.rows);
    return reinterpret_cast<std::int32_t*>(orders) + row * in.columns;
  }
};

DISTILL_NAMESPACE_END
