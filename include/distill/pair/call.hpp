// What one item of a call is worth, by the kind of item, and where its gradient goes.
#pragma once

#include <type_traits>
#include <utility>

#include "../config.hpp"
#include "check.hpp"
#include "comparison.hpp"
#include "feature_alignment.hpp"
#include "objective.hpp"
#include "side.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// One call's items: what each is worth, and where its gradient goes.
template <class O, class T>
class pair_call {
 public:
  pair_call(const O& objective, const feature_pair<T>& in, const feature_gradients<T>& out, double factor, bool add)
      : objective_(objective), in_(in), out_(out), factor_(factor), add_(add) {}

  double operator()(index item, pair_scratch<T>& scratch, const execution& how) const {
    const index rows = valid_rows(in_, item);
    const index teacher_rows = in_.valid_rows ? rows : in_.teacher.shape.rows;
    const bool nothing =
        rows == 0 || teacher_rows == 0 || in_.student.shape.columns == 0 || in_.teacher.shape.columns == 0;
    double value = 0;
    if (!nothing) {
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
    compared_matrices<T> m{student.forward(s, how), teacher.forward(t, how), {}, {}};
    if (to_student) m.to_student = student.slopes();
    if (to_teacher) m.to_teacher = teacher.slopes();
    outcome result{objective_.comparison().compare(m, scratch, how), {}, {}};
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
    if (out_.student) store_scaled(result.to_student, factor_, add_, out_.student.item(item));
    if (out_.teacher) store_scaled(result.to_teacher, factor_, add_, out_.teacher.item(item));
    return result.value;
  }

  /// Linear CKA of more samples than features.
  double by_features(index item, index rows, pair_scratch<T>& scratch, const execution& how) const {
    const auto counted = [&](const feature_stack<const T>& stack) {
      matrix_view<const T> m = stack.item(item);
      m.rows = rows;
      return m;
    };
    feature_alignment<T> alignment(counted(in_.student), counted(in_.teacher), scratch, how);
    if (out_.student) store_scaled<T>(alignment.to_student(), factor_, add_, out_.student.item(item));
    if (out_.teacher) store_scaled<T>(alignment.to_teacher(), factor_, add_, out_.teacher.item(item));
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
    if (above) store_scaled(part, factor_, add_, above.item(item));
    part.data = slope.row(rows_above);
    part.rows = slope.rows - rows_above;
    if (below) store_scaled(part, factor_, add_, below.item(item));
  }

  double joined(index item, pair_scratch<T>& scratch, const execution& how) const {
    feature_shape shape = in_.student.shape;
    const index own_rows = shape.rows;
    shape.rows += in_.teacher.shape.rows;
    const auto stages = student_chain(objective_, shape, shape);
    pair_side<T, decltype(chains::student)> both(stages, shape, scratch, 0);
    compared_matrices<T> m;
    m.student = both.forward(stacked(in_.student.item(item), in_.teacher.item(item), both), how);
    m.joined_student = own_rows;
    if (out_.student || out_.teacher) m.to_student = both.slopes();
    const double value = objective_.comparison().compare(m, scratch, how);
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

}  // namespace detail
DISTILL_NAMESPACE_END
