// The plan that belongs to potentials, one row at a time, and what can be read off it.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "iteration.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// Σ_j C_ij P_ij and Σ_j P_ij of every row, Σ_i C_ij P_ij of every column.
struct plan_sums {
  double *cost_of_row, *mass_of_row, *cost_of_column;
};

/// P_ij = a_i b_j e^((f_i + g_j − C_ij)/ε), of mass 1, made a few rows at a time and handed to visit(i, row of P, its
/// sum). The row may be changed: what visit leaves there is summed down the columns with weight 1, if `of_columns` is
/// given.
template <class T, class Visit>
void for_plan_rows(const sinkhorn_iteration<T>& state, double* of_columns, const Visit& visit) {
  const index n = state.rows(), m = state.columns(), stride = state.stride();
  const double epsilon = state.epsilon();
  transport_workspace<T>& workspace = state.workspace();
  T* const targets = state.spare_lines();
  std::fill_n(targets, stride, -std::numeric_limits<T>::infinity());
  for (index j = 0; j < m; ++j) targets[j] = static_cast<T>(state.with_mass(state.g()[j], state.log_b()[j], epsilon));
  for_row_groups<T>(n, m, workspace, state.how(), of_columns, [&](index first, index count, T* rows, T* columns) {
    std::array<T, transport_rows> one;
    one.fill(T(1));
    for (index i = first; i < first + count; ++i) {
      T* const row = rows + (i - first) * stride;
      const auto offset = static_cast<T>(state.with_mass(state.f()[i], state.log_a()[i], epsilon));
      visit(i, row, exponentials_of(targets, state.cost(i), m, offset, static_cast<T>(1 / epsilon), row));
    }
    if (of_columns) add_weighted_rows(rows, count, stride, one.data(), columns);
  });
}

/// Σ_i |(P1)_i − a_i| of masses of sum 1; and into `to`, where it is wanted, the plan of all the mass.
template <class T>
double marginal_error(const sinkhorn_iteration<T>& state, double* sums, const matrix_view<T>& to) {
  for_plan_rows(state, nullptr, [&](index i, T* row, double sum) {
    sums[i] = sum;
    if (to)
      for (index j = 0; j < to.columns; ++j) to(i, j) = static_cast<T>(state.mass()) * row[j];
  });
  return state.marginal_gap(sums);
}

/// The sums of the plan P of mass 1 and of P C; into `to`, where it is wanted, what Σ P C of all the mass changes by
/// with C at fixed potentials, M P (1 − C/ε).
template <class T>
plan_sums cost_sums(const sinkhorn_iteration<T>& state, double* numbers, const matrix_view<T>& to) {
  const index m = state.columns();
  const plan_sums sums{numbers, numbers + state.rows(), numbers + 2 * state.rows()};
  for_plan_rows(state, sums.cost_of_column, [&](index i, T* row, double mass) {
    sums.mass_of_row[i] = mass;
    const T* cost = state.cost(i);
    if (to) {
      const auto per = static_cast<T>(1 / state.epsilon()), all = static_cast<T>(state.mass());
      for (index j = 0; j < m; ++j) to(i, j) = all * row[j] * (T(1) - cost[j] * per);
    }
    sweep<T>(
        m, [](simd<T>& p, const simd<T>& c) DISTILL_LAMBDA_INLINE { p *= c; }, row, cost);
    sums.cost_of_row[i] = sum<T>(row, m);
  });
  return sums;
}

}  // namespace detail
DISTILL_NAMESPACE_END
