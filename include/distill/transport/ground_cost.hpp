// What it costs to move one row to another, for all pairs of rows, and the way back to the rows.
#pragma once

#include <algorithm>
#include <utility>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/sums.hpp"
#include "../core/sweep.hpp"
#include "detail/directions.hpp"
#include "detail/row_differences.hpp"
#include "ground_cost_workspace.hpp"

DISTILL_NAMESPACE_BEGIN

/// c(x, y) and what its slope is to x.
enum class ground_cost {
  l1,          ///< Σ |x_c − y_c|; sign(x_c − y_c), 0 where they are equal
  l2,          ///< ‖x − y‖; (x − y)/‖x − y‖, 0 where they are equal
  squared_l2,  ///< ‖x − y‖²; 2 (x − y)
  cosine  ///< 1 − ⟨x, y⟩/(‖x‖ ‖y‖); −(ŷ − x̂ ⟨x̂, ŷ⟩)/‖x‖. A row of zeros costs 1, with slope 0 for both
};

namespace detail {

template <class T>
void check_ground_costs(matrix_view<const T> x, matrix_view<const T> y, matrix_view<const T> of,
                        const char* name = "cost") {
  if (x.columns != y.columns) fail("ground_costs: x has ", x.columns, " columns, y has ", y.columns);
  if (of.rows != x.rows) fail("ground_costs: ", name, " has ", of.rows, " rows, x has ", x.rows);
  if (of.columns != y.rows) fail("ground_costs: ", name, " has ", of.columns, " columns, y has ", y.rows, " rows");
  for (const auto& m : {std::pair("x", x), std::pair("y", y), std::pair(name, of)})
    if (m.second.column_stride != 1)
      fail("ground_costs: ", m.first, " has column stride ", m.second.column_stride, ", 1 expected");
}
template <class T>
void check_ground_gradient(const char* name, matrix_view<const T> of, matrix_view<T> to) {
  if (!to) return;
  if (to.rows != of.rows || to.columns != of.columns)
    fail("ground_costs: gradient to ", name, " is ", to.rows, " x ", to.columns, ", ", name, " is ", of.rows, " x ",
         of.columns);
  if (to.column_stride != 1)
    fail("ground_costs: gradient to ", name, " has column stride ", to.column_stride, ", 1 expected");
}

/// Calls f(first, last) for pieces of x's rows, each large enough that what is laid out for it is used often.
template <class T, class F>
void for_point_pieces(const matrix_view<const T>& x, index others, const execution& how, const F& f) {
  constexpr index rows = 24;
  for_row_pieces((x.rows + rows - 1) / rows, x.rows * others * (x.columns + 1), how,
                 [&](index first, index last) { f(first * rows, std::min(x.rows, last * rows)); });
}

/// cost_ij = finish(Σ_c Difference(x_ic − y_jc)) + 0, which is NaN where that is not finite.
template <class Difference, class T, class Finish>
void costs_by_difference(const matrix_view<const T>& x, const matrix_view<const T>& y, const matrix_view<T>& cost,
                         ground_cost_workspace<T>& workspace, const execution& how, const Finish& finish) {
  T* const packed = workspace.packed.reserve(packed_size<T>(y.rows, y.columns));
  pack_rows<T>(y, packed, how);
  for_point_pieces(x, y.rows, how, [&](index first, index last) {
    sum_differences<Difference, T>(x, packed, cost, first, last);
    for (index i = first; i < last; ++i)
      sweep<T>(
          cost.columns,
          [&](simd<T>& c) DISTILL_LAMBDA_INLINE {
            c = finish(c);
            c += c - c;
          },
          cost.row(i));
  });
}

/// to_i (+)= factor Σ_j slope_ij Difference'(x_i − y_j); factor_of(i) may depend on the row.
template <class Difference, class T, class Factor>
void back_by_difference(const matrix_view<const T>& x, const matrix_view<const T>& y, const matrix_view<const T>& slope,
                        const Factor& factor_of, bool add, const matrix_view<T>& to,
                        ground_cost_workspace<T>& workspace, const execution& how) {
  T* const factors = workspace.factors.reserve(x.rows);
  for (index i = 0; i < x.rows; ++i) factors[i] = static_cast<T>(factor_of(i));
  for_point_pieces(x, y.rows, how, [&](index first, index last) {
    add_weighted_differences<Difference, T>(x, y, slope, factors, add, to, first, last);
  });
}

/// −Σ_j g_ij (ŷ_j − x̂_i ⟨x̂_i, ŷ_j⟩)/‖x_i‖ = (w − x̂_i ⟨x̂_i, w⟩)/‖x_i‖ with w = Σ_j g_ij (x̂_i − ŷ_j).
template <class T>
void cosine_back(const typename directions<T>::side& x, const typename directions<T>::side& y,
                 const matrix_view<const T>& slope, double factor, bool add, const matrix_view<T>& to, double* before,
                 ground_cost_workspace<T>& workspace, const execution& how) {
  const index n = x.rows.rows, d = x.rows.columns;
  for (index i = 0; i < n; ++i) before[i] = add ? dot<T>(x.rows.row(i), to.row(i), d) : 0;
  back_by_difference<squared_difference, T>(
      x.units, y.units, slope, [&](index i) { return x.norms[i] == 0 ? 0 : factor / x.norms[i]; }, add, to, workspace,
      how);
  for_row_pieces(n, n * d, how, [&](index first, index last) {
    for (index i = first; i < last; ++i) {
      if (x.norms[i] == 0) continue;
      const double along = (dot<T>(x.rows.row(i), to.row(i), d) - before[i]) / x.norms[i];
      sweep<T>(  // x at length 1 first: the square of a small norm is out of range
          d,
          [a = simd<T>(static_cast<T>(-along)), f = simd<T>(static_cast<T>(1 / x.norms[i]))](
              const simd<T>& own, simd<T>& g) DISTILL_LAMBDA_INLINE { g = lane<simd<T>>::fma(a, own * f, g); },
          x.rows.row(i), to.row(i));
    }
  });
}

}  // namespace detail

/// cost_ij = c(x_i, y_j) for x of shape n×d, y of m×d, cost of n×m; column strides 1. Every difference x_ic − y_jc is
/// formed itself, for the cosine that of rows at length 1: near rows keep their digits wherever they lie, equal rows
/// cost exactly 0. Each cost is good to a few roundings of T (5, measured up to d = 1000) where squares of differences
/// are normal numbers; a cosine's relative to r √cost, where r <= 1 is how far the directions spread. What is not
/// finite, or whose square is not, costs NaN. The same bits for every number of threads.
/// @throws argument_error  extents that do not match, column strides other than 1
template <class T>
void ground_costs(ground_cost kind, matrix_view<const std::type_identity_t<T>> x,
                  matrix_view<const std::type_identity_t<T>> y, matrix_view<T> cost,
                  ground_cost_workspace<T>& workspace, const execution& how = {}) {
  detail::check_ground_costs<T>(x, y, cost);
  const auto root = [](const simd<T>& c) DISTILL_LAMBDA_INLINE { return lane<simd<T>>::sqrt(c); };
  const auto halved = [](const simd<T>& c) DISTILL_LAMBDA_INLINE { return c * simd<T>(T(0.5)); };
  const auto same = [](const simd<T>& c) DISTILL_LAMBDA_INLINE { return c; };
  switch (kind) {
    case ground_cost::l1:
      return detail::costs_by_difference<detail::absolute_difference, T>(x, y, cost, workspace, how, same);
    case ground_cost::l2:
      return detail::costs_by_difference<detail::squared_difference, T>(x, y, cost, workspace, how, root);
    case ground_cost::squared_l2:
      return detail::costs_by_difference<detail::squared_difference, T>(x, y, cost, workspace, how, same);
    case ground_cost::cosine: {
      const detail::directions<T> sides(x, y, workspace, how);
      detail::costs_by_difference<detail::squared_difference, T>(sides.x.units, sides.y.units, cost, workspace, how,
                                                                 halved);
      sides.each_zero([&](index i, index j) { cost(i, j) = T(1) + (cost(i, j) - cost(i, j)); });
    }
  }
}

/// The way back, with the costs that ground_costs() wrote and slopes g of their shape:
///   to_x_i (+)= factor · Σ_j g_ij ∂c(x_i, y_j)/∂x_i,   to_y_j (+)= factor · Σ_i g_ij ∂c(x_i, y_j)/∂y_j
/// Either may be empty; `add` adds to what is there. The slopes are overwritten. The same bits for every number of
/// threads.
/// @throws argument_error  extents that do not match, column strides other than 1
template <class T>
void ground_costs_back(ground_cost kind, matrix_view<const std::type_identity_t<T>> x,
                       matrix_view<const std::type_identity_t<T>> y, matrix_view<const std::type_identity_t<T>> cost,
                       matrix_view<T> slope, matrix_view<std::type_identity_t<T>> to_x,
                       matrix_view<std::type_identity_t<T>> to_y, ground_cost_workspace<T>& workspace,
                       const execution& how = {}, double factor = 1, bool add = false) {
  detail::check_ground_costs<T>(x, y, cost);
  detail::check_ground_costs<T>(x, y, slope, "slope");
  detail::check_ground_gradient<T>("x", x, to_x);
  detail::check_ground_gradient<T>("y", y, to_y);
  const matrix_view<const T> by_row = slope, by_column(slope.data, y.rows, x.rows, 1, slope.row_stride);
  if (kind == ground_cost::cosine) {
    const detail::directions<T> sides(x, y, workspace, how);
    sides.each_zero([&](index i, index j) { slope(i, j) = 0; });
    if (to_x) detail::cosine_back<T>(sides.x, sides.y, by_row, factor, add, to_x, sides.before(), workspace, how);
    if (to_y) detail::cosine_back<T>(sides.y, sides.x, by_column, factor, add, to_y, sides.before(), workspace, how);
    return;
  }
  if (kind == ground_cost::l2)
    detail::for_row_pieces(x.rows, x.rows * y.rows, how, [&](index first, index last) {
      for (index i = first; i < last; ++i)
        detail::sweep<T>(
            y.rows,
            [zero = simd<T>(T(0))](const simd<T>& c, simd<T>& g)
                DISTILL_LAMBDA_INLINE { g = lane<simd<T>>::select(c == zero, zero, g / c); },
            cost.row(i), slope.row(i));
    });
  const auto back = [&]<class Difference>(Difference, double by) {
    const auto of_row = [&](index) { return by; };
    if (to_x) detail::back_by_difference<Difference, T>(x, y, by_row, of_row, add, to_x, workspace, how);
    if (to_y) detail::back_by_difference<Difference, T>(y, x, by_column, of_row, add, to_y, workspace, how);
  };
  if (kind == ground_cost::l1)
    back(detail::absolute_difference(), factor);
  else
    back(detail::squared_difference(), kind == ground_cost::squared_l2 ? 2 * factor : factor);
}

DISTILL_NAMESPACE_END
