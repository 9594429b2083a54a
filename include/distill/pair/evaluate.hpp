// The calls on a pair objective: its value, and its gradient with respect to every input.
#pragma once

#include <array>
#include <cmath>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../row/evaluate.hpp"
#include "algebra.hpp"
#include "check.hpp"
#include "feature_alignment.hpp"
#include "objective.hpp"
#include "workspace.hpp"

DISTILL_NAMESPACE_BEGIN

/// Everything about a call that is not data.
struct pair_options {
  double upstream = 1;  ///< ∂(final loss)/∂(this value)
  store_mode store = store_mode::overwrite;
  distill::execution execution{};
};

namespace detail {

/// to = from, whatever the strides; or from minus a row of it.
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
void stored(const matrix_view<const T>& from, double factor, bool add, const matrix_view<T>& to) {
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

/// One call's items: what each is worth, and where its gradient goes.
template <class O, class T>
class pair_call {
 public:
  pair_call(const O& objective, const feature_pair<T>& in, const feature_gradients<T>& out, double factor, bool add)
      : objective_(objective), in_(in), out_(out), factor_(factor), add_(add) {}

  double operator()(index item, pair_scratch<T>& scratch, const execution& how) const {
    const index rows = valid_rows(in_, item);
    const index teacher_rows = in_.valid_rows ? rows : in_.teacher.shape.rows;
    double value = 0;
    if (rows > 0 && teacher_rows > 0) {
      if constexpr (items_of<O>() == item_kind::joined)
        value = joined(item, scratch, how);
      else if constexpr (items_of<O>() == item_kind::anchors)
        value = anchors(item, rows, scratch, how);
      else if constexpr (items_of<O>() == item_kind::stages)
        value = stages(item, scratch, how);
      else
        value = paired(item, rows, teacher_rows, scratch, how);
    }
    if (!add_) {  // rows that do not count, and items without any
      const bool nothing = rows == 0 || teacher_rows == 0;
      const auto clear = [&](const feature_stack<T>& to, index counted) {
        if (to) cleared(to.item(item), nothing ? 0 : counted);
      };
      clear(out_.student, rows);
      clear(out_.teacher, teacher_rows);
      clear(out_.student_next, out_.student_next.shape.rows);
      clear(out_.teacher_next, out_.teacher_next.shape.rows);
    }
    return value;
  }

 private:
  struct chains {
    decltype(student_chain(std::declval<const O&>(), feature_shape{}, feature_shape{})) student;
    decltype(teacher_chain(std::declval<const O&>(), feature_shape{}, feature_shape{})) teacher;
  };
  chains chains_for(const feature_shape& s, const feature_shape& t) const {
    return {student_chain(objective_, s, t), teacher_chain(objective_, s, t)};
  }

  /// Compares what became of both and brings the slopes back to the features; returned are views into scratch.
  struct outcome {
    double value;
    matrix_view<const T> to_student, to_teacher;
  };
  template <class Student, class Teacher>
  outcome compared(Student& student, Teacher& teacher, const matrix_view<const T>& s, const matrix_view<const T>& t,
                   bool to_student, bool to_teacher, pair_scratch<T>& scratch, const execution& how) const {
    const auto comparison = objective_.comparison();
    compared_matrices<T> m{student.forward(s, how), teacher.forward(t, how), {}, {}};
    if (to_student) m.to_student = student.slopes();
    if (to_teacher) m.to_teacher = teacher.slopes();
    double* numbers = scratch.numbers.reserve(comparison.numbers({m.student.rows, m.student.columns}));
    outcome result{comparison.compare(m, scratch.rows, numbers, how), {}, {}};
    if (to_student) result.to_student = student.backward(m.to_student, how);
    if (to_teacher) result.to_teacher = teacher.backward(m.to_teacher, how);
    return result;
  }

  double paired(index item, index rows, index teacher_rows, pair_scratch<T>& scratch, const execution& how) const {
    if constexpr (requires { objective_.has_feature_form(); })
      if (objective_.has_feature_form() && rows > 1 &&
          feature_form_is_cheaper(rows, in_.student.shape.columns, in_.teacher.shape.columns,
                                  bool(out_.student) + bool(out_.teacher)))
        return by_features(item, rows, scratch, how);
    const auto [own, other] = chains_for(with_rows(in_.student, rows), with_rows(in_.teacher, teacher_rows));
    pair_side<T, decltype(chains::student)> student(own, with_rows(in_.student, rows), scratch, 0);
    pair_side<T, decltype(chains::teacher)> teacher(other, with_rows(in_.teacher, teacher_rows), scratch, 1);
    const auto result = compared(student, teacher, ready(in_.student.item(item), rows, student),
                                 ready(in_.teacher.item(item), teacher_rows, teacher), bool(out_.student),
                                 bool(out_.teacher), scratch, how);
    if (out_.student) stored(result.to_student, factor_, add_, out_.student.item(item));
    if (out_.teacher) stored(result.to_teacher, factor_, add_, out_.teacher.item(item));
    return result.value;
  }

  /// Linear CKA of more samples than features.
  double by_features(index item, index rows, pair_scratch<T>& scratch, const execution& how) const {
    const auto dense = [&](const feature_stack<const T>& stack, int side) {
      matrix_view<const T> m = stack.item(item);
      m.rows = rows;
      if (m.column_stride == 1) return m;
      const feature_shape s{rows, m.columns};
      const matrix_view<T> to(scratch.compared[side].reserve(scratch_size<T>(s)), rows, m.columns,
                              scratch_columns<T>(m.columns));
      return matrix_view<const T>(copied(m, to));
    };
    feature_alignment<T> alignment(dense(in_.student, 0), dense(in_.teacher, 1), scratch, how);
    if (out_.student) stored<T>(alignment.to_student(), factor_, add_, out_.student.item(item));
    if (out_.teacher) stored<T>(alignment.to_teacher(), factor_, add_, out_.teacher.item(item));
    return alignment.value();
  }

  /// Every row in turn is the origin: Σ over anchors / n. The anchor's own gradient is minus the others' sum.
  double anchors(index item, index rows, pair_scratch<T>& scratch, const execution& how) const {
    const auto [own, other] = chains_for(with_rows(in_.student, rows), with_rows(in_.teacher, rows));
    pair_side<T, decltype(chains::student)> student(own, with_rows(in_.student, rows), scratch, 0);
    pair_side<T, decltype(chains::teacher)> teacher(other, with_rows(in_.teacher, rows), scratch, 1);
    const auto from_anchor = [&](const matrix_view<const T>& x, index anchor, auto& side) {
      const matrix_view<T> to = side.own_features({rows, x.columns});
      for (index r = 0; r < rows; ++r)
        for (index c = 0; c < x.columns; ++c) to(r, c) = x(r, c) - x(anchor, c);
      return to;
    };
    const double share = 1 / static_cast<double>(rows);
    const auto add = [&](const matrix_view<const T>& slope, index anchor, const feature_stack<T>& out) {
      if (!out) return;
      const matrix_view<T> to = out.item(item);
      const auto f = static_cast<T>(factor_ * share);
      for (index r = 0; r < rows; ++r)
        for (index c = 0; c < slope.columns; ++c) {
          to(r, c) += f * slope(r, c);
          to(anchor, c) -= f * slope(r, c);
        }
    };
    if (!add_ && out_.student) cleared(out_.student.item(item));
    if (!add_ && out_.teacher) cleared(out_.teacher.item(item));
    double value = 0;
    for (index anchor = 0; anchor < rows; ++anchor) {
      const auto result = compared(student, teacher, from_anchor(in_.student.item(item), anchor, student),
                                   from_anchor(in_.teacher.item(item), anchor, teacher), bool(out_.student),
                                   bool(out_.teacher), scratch, how);
      value += result.value;
      add(result.to_student, anchor, out_.student);
      add(result.to_teacher, anchor, out_.teacher);
    }
    return value * share;
  }

  /// The rows of `below` under those of `above`.
  static matrix_view<const T> stacked(const matrix_view<const T>& above, const matrix_view<const T>& below,
                                      auto& side) {
    const matrix_view<T> to = side.own_features({above.rows + below.rows, above.columns});
    copied(above, matrix_view<T>(to.data, above.rows, to.columns, to.row_stride));
    copied(below, matrix_view<T>(to.row(above.rows), below.rows, to.columns, to.row_stride));
    return to;
  }
  void unstack(const matrix_view<const T>& slope, index rows_above, index item, const feature_stack<T>& above,
               const feature_stack<T>& below) const {
    matrix_view<const T> part = slope;
    part.rows = rows_above;
    if (above) stored(part, factor_, add_, above.item(item));
    part.data = slope.row(rows_above);
    part.rows = slope.rows - rows_above;
    if (below) stored(part, factor_, add_, below.item(item));
  }

  double joined(index item, pair_scratch<T>& scratch, const execution& how) const {
    feature_shape shape = in_.student.shape;
    const index own_rows = shape.rows;
    shape.rows += in_.teacher.shape.rows;
    const auto stages = student_chain(objective_, shape, shape);
    pair_side<T, decltype(chains::student)> both(stages, shape, scratch, 0);
    const auto comparison = objective_.comparison();
    compared_matrices<T> m;
    m.student = both.forward(stacked(in_.student.item(item), in_.teacher.item(item), both), how);
    m.joined_student = own_rows;
    if (out_.student || out_.teacher) m.to_student = both.slopes();
    double* numbers = scratch.numbers.reserve(comparison.numbers({m.student.rows, m.student.columns}));
    const double value = comparison.compare(m, scratch.rows, numbers, how);
    if (m.to_student) unstack(both.backward(m.to_student, how), own_rows, item, out_.student, out_.teacher);
    return value;
  }

  double stages(index item, pair_scratch<T>& scratch, const execution& how) const {
    const auto shape = [](const feature_stack<const T>& first, const feature_stack<const T>& next) {
      feature_shape s = first.shape;
      s.rows += next.shape.rows;
      return s;
    };
    const feature_shape s = shape(in_.student, in_.student_next), t = shape(in_.teacher, in_.teacher_next);
    const auto own = objective_.representation(in_.student.shape), other = objective_.representation(in_.teacher.shape);
    pair_side<T, std::remove_const_t<decltype(own)>> student(own, s, scratch, 0);
    pair_side<T, std::remove_const_t<decltype(other)>> teacher(other, t, scratch, 1);
    const auto result =
        compared(student, teacher, stacked(in_.student.item(item), in_.student_next.item(item), student),
                 stacked(in_.teacher.item(item), in_.teacher_next.item(item), teacher),
                 out_.student || out_.student_next, out_.teacher || out_.teacher_next, scratch, how);
    if (result.to_student) unstack(result.to_student, in_.student.shape.rows, item, out_.student, out_.student_next);
    if (result.to_teacher) unstack(result.to_teacher, in_.teacher.shape.rows, item, out_.teacher, out_.teacher_next);
    return result.value;
  }

  const O& objective_;
  const feature_pair<T>& in_;
  const feature_gradients<T>& out_;
  double factor_;
  bool add_;
};

template <pair_leaf O, class T>
double run(const O& objective, const feature_pair<T>& in, const feature_gradients<T>& out, double upstream, bool add,
           const execution& how, pair_workspace<T>& workspace) {
  const index items = in.student.items;
  if (items == 0) return 0;
  const double share = 1 / static_cast<double>(items);
  const pair_call<O, T> call(objective, in, out, upstream * share, add);
  const int threads = items == 1 ? 1 : how.count();
  const execution inside{items == 1 ? how.threads : 1};
  workspace.reserve_threads(threads);
  double* values = workspace.values(items);
  parallel_for(items, threads,
               [&](index item, int thread) { values[item] = call(item, workspace.scratch(thread), inside); });
  double value = 0;
  for (index i = 0; i < items; ++i) value += values[i];  // one order, whatever the threads did
  return value * share;
}

}  // namespace detail

/// The value of the objective, averaged over the items, and the gradient with respect to every input that `out` names.
/// No items, or items without rows: value 0, gradient 0. Results do not depend on the number of threads.
/// @throws argument_error  before anything is written: numbers of items, rows or columns that do not match what the
///   objective compares, parameters out of range, gradients of another shape
template <pair_objective O, class T>
double value_and_gradient(const O& objective, const feature_pair<T>& in,
                          const std::type_identity_t<feature_gradients<T>>& out, const pair_options& options,
                          pair_workspace<T>& workspace) {
  const auto sum = as_pair_sum(objective);
  detail::check_execution(options.execution);
  sum.each([&](const auto& item) { detail::check_features(item.leaf, in, out); });
  double value = 0;
  bool add = options.store == store_mode::accumulate;
  sum.each([&](const auto& item) {
    if (item.weight == 0) return;
    value += item.weight *
             detail::run(item.leaf, in, out, options.upstream * item.weight, add, options.execution, workspace);
    add = true;
  });
  if (!add) detail::cleared(out);  // every weight is 0
  return value;
}

template <pair_objective O, class T>
double value(const O& objective, const feature_pair<T>& in, const pair_options& options, pair_workspace<T>& workspace) {
  return value_and_gradient(objective, in, feature_gradients<T>{}, options, workspace);
}

/// The same calls with scratch of their own, for where an allocation does not matter.
template <pair_objective O, class T>
double value_and_gradient(const O& objective, const feature_pair<T>& in,
                          const std::type_identity_t<feature_gradients<T>>& out, const pair_options& options = {}) {
  pair_workspace<T> workspace;
  return value_and_gradient(objective, in, out, options, workspace);
}
template <pair_objective O, class T>
double value(const O& objective, const feature_pair<T>& in, const pair_options& options = {}) {
  pair_workspace<T> workspace;
  return value(objective, in, options, workspace);
}

DISTILL_NAMESPACE_END
