// What it costs to carry the student's rows to the teacher's: entropic optimal transport between two sets of points.
#pragma once

#include <cmath>
#include <limits>

#include "../../config.hpp"
#include "../../core/sums.hpp"
#include "../../core/sweep.hpp"
#include "../../dense/symmetric.hpp"
#include "../../transport/ground_cost.hpp"
#include "../../transport/solve.hpp"
#include "../chain.hpp"
#include "../comparison.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// What an objective that has these members asks of the solver; members that it does not have keep their defaults.
template <class O>
sinkhorn_options solver_of(const O& o) {
  sinkhorn_options result{.epsilon = o.epsilon,
                          .iterations = o.iterations,
                          .tolerance = o.tolerance,
                          .form = o.form,
                          .gradient = o.gradient};
  if constexpr (requires { o.annealing; }) result.annealing = o.annealing;
  if constexpr (requires { o.value; }) result.value = o.value;
  return result;
}
/// The same of Σ P C.
template <class O>
sinkhorn_options cost_solver_of(const O& o) {
  sinkhorn_options result = solver_of(o);
  result.value = transport_value::cost;
  return result;
}

template <class T>
bool all_finite(const matrix_view<const T>& m) {
  double rest = 0;  // NaN where a number is not finite
  for (index i = 0; i < m.rows; ++i)
    rest += sum_of_batches<T>(
        m.columns, [](const simd<T>& x) DISTILL_LAMBDA_INLINE { return x - x; }, m.row(i));
  return rest == 0;
}

/// A transport problem between the rows of x and of y, equal masses on either side that add up to 1; solved, with the
/// slopes of its value where they are wanted. NaN where a cost is not finite.
template <class T>
class point_problem {
 public:
  point_problem(const sinkhorn_options& options, ground_cost kind, const matrix_view<const T>& x,
                const matrix_view<const T>& y, bool with_slopes, transport_scratch<T>& scratch, const execution& how)
      : kind_(kind), x_(x), y_(y), scratch_(scratch), how_(how) {
    const index stride = scratch_columns<T>(y.rows);
    cost_ = {scratch.cost.reserve(x.rows * stride), x.rows, y.rows, stride};
    if (with_slopes) slope_ = {scratch.slope.reserve(x.rows * stride), x.rows, y.rows, stride};
    ground_costs<T>(kind, x, y, cost_, scratch.ground, how);
    if (!all_finite<T>(cost_)) return;
    const transport_result result = solve_transport<T>({cost_, {}, {}}, options, {slope_, {}, {}}, scratch.solver, how);
    scratch.report.add(result);
    value_ = result.value;
  }

  double value() const { return value_; }
  /// to_x, to_y (+)= factor · ∂value; either may be empty.
  void back(const matrix_view<T>& to_x, const matrix_view<T>& to_y, double factor, bool add) {
    if (std::isnan(value_)) return spoil(to_x), spoil(to_y);
    ground_costs_back<T>(kind_, x_, y_, cost_, slope_, to_x, to_y, scratch_.ground, how_, factor, add);
  }
  /// For x = y: to_x += factor · ∂value, through both sides.
  void back_through_both(const matrix_view<T>& to_x, double factor) {
    if (std::isnan(value_)) return spoil(to_x);
    add_transpose(slope_, how_);
    ground_costs_back<T>(kind_, x_, y_, cost_, slope_, to_x, {}, scratch_.ground, how_, factor, true);
  }

 private:
  static void spoil(const matrix_view<T>& to) {
    for (index i = 0; to && i < to.rows; ++i) fill(to.row(i), std::numeric_limits<T>::quiet_NaN(), to.columns);
  }

  ground_cost kind_;
  matrix_view<const T> x_, y_;
  matrix_view<T> cost_, slope_;
  transport_scratch<T>& scratch_;
  execution how_;
  double value_ = std::numeric_limits<double>::quiet_NaN();
};

inline void check_points(const char* who, const feature_shape& student, const feature_shape& teacher) {
  if (student.columns != teacher.columns)
    fail(who, ": student has ", student.columns, " columns, teacher has ", teacher.columns);
}

}  // namespace detail

/// The student's rows against the teacher's, each with the same mass.
struct point_transport {
  sinkhorn_options solver{};
  ground_cost cost = ground_cost::squared_l2;
  double scale = 1;
  bool mean = true;  ///< mass 1 in all; false: 1 for each of the student's rows
  transport_report* report = nullptr;

  void validate(const feature_shape& student, const feature_shape& teacher) const {
    detail::check_options(solver);
    detail::check_points("transport", student, teacher);
  }
  template <class T>
  double compare(const compared_matrices<T>& m, detail::pair_scratch<T>& scratch, const execution& how) const {
    const double factor = mean ? scale : scale * static_cast<double>(m.student.rows);
    scratch.reserve_transport(1);
    const bool slopes = m.to_student || m.to_teacher;
    detail::point_problem<T> problem(solver, cost, m.student, m.teacher, slopes, scratch.transport[0], how);
    if (slopes) problem.back(m.to_student, m.to_teacher, factor, false);
    return factor * problem.value();
  }
  void conclude(const transport_report& all) const { detail::conclude_transport(all, solver, report); }
};

/// The same without what entropy adds: OT(x, y) − OT(x, x)/2 − OT(y, y)/2, each by the same solver, so that equal sets
/// of points are worth exactly 0.
struct point_divergence {
  sinkhorn_options solver{};
  ground_cost cost = ground_cost::squared_l2;
  transport_report* report = nullptr;

  void validate(const feature_shape& student, const feature_shape& teacher) const {
    detail::check_options(solver);
    detail::check_points("transport", student, teacher);
  }
  template <class T>
  double compare(const compared_matrices<T>& m, detail::pair_scratch<T>& scratch, const execution& how) const {
    scratch.reserve_transport(1);
    const auto solved = [&](const matrix_view<const T>& x, const matrix_view<const T>& y, bool slopes) {
      return detail::point_problem<T>(solver, cost, x, y, slopes, scratch.transport[0], how);
    };
    const auto itself = [&](const matrix_view<const T>& x, const matrix_view<T>& to) {
      auto problem = solved(x, x, bool(to));
      if (to) problem.back_through_both(to, -0.5);
      return problem.value();
    };
    auto across = solved(m.student, m.teacher, m.to_student || m.to_teacher);
    if (m.to_student || m.to_teacher) across.back(m.to_student, m.to_teacher, 1, false);
    const double value = across.value();
    const double own = itself(m.student, m.to_student), other = itself(m.teacher, m.to_teacher);
    return (value - own) / 2 + (value - other) / 2;
  }
  void conclude(const transport_report& all) const { detail::conclude_transport(all, solver, report); }
};

DISTILL_NAMESPACE_END
