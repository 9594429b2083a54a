// Everything a caller of a pair objective can get wrong, found before anything is written.
#pragma once

#include "../config.hpp"
#include "../core/error.hpp"
#include "objective.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

template <class T>
void check_gradient(const char* name, const feature_stack<const T>& in, const feature_stack<T>& out) {
  if (!out) return;
  if (out.items != in.items) fail("gradient to ", name, " has ", out.items, " items, the features have ", in.items);
  if (out.shape.rows != in.shape.rows || out.shape.columns != in.shape.columns)
    fail("gradient to ", name, " is ", out.shape.rows, " x ", out.shape.columns, ", the features are ", in.shape.rows,
         " x ", in.shape.columns);
}

/// How many rows of an item count.
template <class T>
index valid_rows(const feature_pair<T>& in, index item) {
  if (!in.valid_rows) return in.student.shape.rows;
  return in.valid_rows[item / (in.student.items / in.valid_rows.size())];
}

template <class T>
void check_valid_rows(const feature_pair<T>& in) {
  if (!in.valid_rows) return;
  const index count = in.valid_rows.size();
  if (count == 0 ? in.student.items > 0 : in.student.items % count != 0)
    fail("valid_rows has ", count, " entries, the features have ", in.student.items, " items");
  for (index i = 0; i < count; ++i)
    if (in.valid_rows[i] < 0 || in.valid_rows[i] > in.student.shape.rows)
      fail("valid_rows[", i, "] is ", in.valid_rows[i], ", the features have ", in.student.shape.rows, " rows");
}

template <class T>
void check_same_items(const char* name, const feature_stack<T>& stack, index items) {
  if (stack.items != items) fail(name, " has ", stack.items, " items, student has ", items);
}

template <class O, class T>
void check_features(const O& objective, const feature_pair<T>& in, const feature_gradients<T>& out) {
  constexpr item_kind kind = items_of<O>();
  check_same_items("teacher", in.teacher, in.student.items);
  const feature_shape &s = in.student.shape, &t = in.teacher.shape;
  if constexpr (requires { objective.validate(s, t); }) objective.validate(s, t);
  if (O::info.same_width && s.columns != t.columns)
    fail("student has ", s.columns, " columns, teacher has ", t.columns);
  if (in.valid_rows && kind != item_kind::pair && kind != item_kind::anchors)
    fail("valid_rows has ", in.valid_rows.size(), " entries, ", O::info.name, " takes all rows");
  if constexpr (kind == item_kind::joined) {
    if (s.columns != t.columns) fail("student has ", s.columns, " columns, teacher has ", t.columns);
    if (in.student.items > 0 && (s.rows == 0) != (t.rows == 0))
      fail("student has ", s.rows, " rows, teacher has ", t.rows);
  } else if constexpr (kind == item_kind::stages) {
    check_same_items("student_next", in.student_next, in.student.items);
    check_same_items("teacher_next", in.teacher_next, in.student.items);
    if (in.student_next.shape.columns != s.columns)
      fail("student_next has ", in.student_next.shape.columns, " columns, student has ", s.columns);
    if (in.teacher_next.shape.columns != t.columns)
      fail("teacher_next has ", in.teacher_next.shape.columns, " columns, teacher has ", t.columns);
    feature_shape own = s, other = t;
    own.rows += in.student_next.shape.rows, other.rows += in.teacher_next.shape.rows;
    objective.comparison().validate(objective.representation(s).out(own), objective.representation(t).out(other));
    check_gradient("student_next", in.student_next, out.student_next);
    check_gradient("teacher_next", in.teacher_next, out.teacher_next);
  } else {
    if (in.valid_rows && t.rows != s.rows) fail("teacher has ", t.rows, " rows, student has ", s.rows);
    objective.comparison().validate(student_chain(objective, s, t).out(s), teacher_chain(objective, s, t).out(t));
  }
  check_valid_rows(in);
  check_gradient("student", in.student, out.student);
  check_gradient("teacher", in.teacher, out.teacher);
}

}  // namespace detail
DISTILL_NAMESPACE_END
