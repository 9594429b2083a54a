// Transport within every row: between the entries of the student's and of the teacher's.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "../../config.hpp"
#include "point_transport.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// The mean of of_row(row, scratch of the thread, execution) over the rows, each a problem of its own. A single row has
/// all threads to itself.
template <class T, class F>
double mean_over_rows(index rows, pair_scratch<T>& scratch, const execution& how, const F& of_row) {
  const int threads = rows == 1 ? 1 : how.count();
  const execution inside{rows == 1 ? how.threads : 1};
  scratch.reserve_transport(threads);
  double* const values = scratch.numbers.reserve(rows);
  parallel_for(rows, threads, [&](index r, int thread) {
    values[r] = of_row(r, scratch.transport[static_cast<std::size_t>(thread)], inside);
  });
  double total = 0;
  for (index r = 0; r < rows; ++r) total += values[r];  // one order, whatever the threads did
  return total / static_cast<double>(rows);
}

}  // namespace detail

/// The entries of a row as points on a line, in any order, each with the same mass; mean over the rows.
struct entry_transport {
  sinkhorn_options solver{};
  double scale = 1;
  bool mean = true;  ///< mass 1 in all; false: 1 for each of the student's entries
  transport_report* report = nullptr;

  void validate(const feature_shape& student, const feature_shape& teacher) const {
    detail::check_options(solver);
    if (student.rows != teacher.rows) fail("student has ", student.rows, " rows, teacher has ", teacher.rows);
  }
  template <class T>
  double compare(const compared_matrices<T>& m, detail::pair_scratch<T>& scratch, const execution& how) const {
    const double factor = mean ? scale : scale * static_cast<double>(m.student.columns);
    const double share = factor / static_cast<double>(m.student.rows);
    const auto points = []<class U>(const matrix_view<U>& of, index r) {
      return of ? matrix_view<U>(of.row(r), of.columns, 1) : matrix_view<U>();
    };
    return factor * detail::mean_over_rows(m.student.rows, scratch, how, [&](index r, auto& own, const execution& in) {
             const bool slopes = m.to_student || m.to_teacher;
             detail::point_problem<T> problem(solver, ground_cost::l1, points(m.student, r), points(m.teacher, r),
                                              slopes, own, in);
             if (slopes) problem.back(points(m.to_student, r), points(m.to_teacher, r), share, false);
             return problem.value();
           });
  }
  void conclude(const transport_report& all) const { detail::conclude_transport(all, solver, report); }
};

/// The entries of a row as masses, which a ground cost between columns carries from student to teacher; mean over the
/// rows. Masses are normalised, as part of the value; entries without mass take no part and get no gradient.
struct mass_transport {
  sinkhorn_options solver{};
  /// C×C, from the student's column to the teacher's; empty: 1 between different ones.
  matrix_view<const double> ground{};
  transport_report* report = nullptr;

  void validate(const feature_shape& student, const feature_shape& teacher) const {
    detail::check_options(solver);
    detail::check_same_shape(student, teacher);
    if (!ground) return;
    if (ground.rows != ground.columns) fail("ground is ", ground.rows, " x ", ground.columns, ", must be square");
    if (ground.rows != student.columns)
      fail("ground is ", ground.rows, " x ", ground.columns, ", the features have ", student.columns, " columns");
    for (index i = 0; i < ground.rows; ++i)
      for (index j = 0; j < ground.columns; ++j)
        if (!std::isfinite(ground(i, j))) fail("ground(", i, ", ", j, ") is ", ground(i, j), ", must be finite");
  }
  template <class T>
  double compare(const compared_matrices<T>& m, detail::pair_scratch<T>& scratch, const execution& how) const {
    const index rows = m.student.rows, classes = m.student.columns;
    scratch.reserve_transport(1);
    const index stride = detail::scratch_columns<T>(classes);
    const matrix_view<T> cost(scratch.transport[0].cost.reserve(classes * stride), classes, classes, stride);
    for (index i = 0; i < classes; ++i)
      for (index j = 0; j < classes; ++j) cost(i, j) = ground ? static_cast<T>(ground(i, j)) : T(i != j);
    const double share = 1 / static_cast<double>(rows);
    return detail::mean_over_rows(rows, scratch, how, [&](index r, auto& own, const execution& in) {
      return one_row<T>(m, cost, r, share, own, in);
    });
  }
  void conclude(const transport_report& all) const { detail::conclude_transport(all, solver, report); }

 private:
  template <class T>
  double one_row(const compared_matrices<T>& m, const matrix_view<T>& cost, index r, double share,
                 detail::transport_scratch<T>& scratch, const execution& how) const {
    const auto classes = static_cast<std::size_t>(m.student.columns);
    double* next = scratch.masses.reserve(4 * m.student.columns);
    const auto room = [&](bool wanted) {
      return std::span<double>(std::exchange(next, next + classes), wanted ? classes : 0);
    };
    double source_total = 0, target_total = 0;
    const auto masses = [&](const T* from, double& total) {
      const std::span<double> to = room(true);
      for (std::size_t c = 0; c < classes; ++c) total += to[c] = static_cast<double>(from[c]);
      for (double& x : to) x /= total;
      return to;
    };
    const std::span<double> source = masses(m.student.row(r), source_total);
    const std::span<double> target = masses(m.teacher.row(r), target_total);
    const std::span<double> to_source = room(bool(m.to_student)), to_target = room(bool(m.to_teacher));
    // Through the normalisation: slopes less their mean; both from the slope where most of the mass is, so that a row
    // which is nearly sure keeps the digits of the rest.
    const auto write = [&](const matrix_view<T>& to, std::span<const double> mass, double total,
                           std::span<const double> slope) {
      if (!to) return;
      const double top = slope[static_cast<std::size_t>(std::max_element(mass.begin(), mass.end()) - mass.begin())];
      double mean = 0;
      for (std::size_t c = 0; c < classes; ++c) mean += mass[c] == 0 ? 0 : mass[c] * (slope[c] - top);
      for (std::size_t c = 0; c < classes; ++c)
        to(r, static_cast<index>(c)) = mass[c] == 0 ? T(0) : static_cast<T>(share / total * ((slope[c] - top) - mean));
    };
    double value = std::numeric_limits<double>::quiet_NaN();
    if (std::isfinite(source[0]) && std::isfinite(target[0])) {
      const transport_result result =
          solve_transport<T>({cost, source, target}, solver, {{}, to_source, to_target}, scratch.solver, how);
      scratch.report.add(result);
      value = result.value;
    } else {
      std::fill(to_source.begin(), to_source.end(), value);
      std::fill(to_target.begin(), to_target.end(), value);
    }
    write(m.to_student, source, source_total, to_source);
    write(m.to_teacher, target, target_total, to_target);
    return value;
  }
};

DISTILL_NAMESPACE_END
