// Everything a caller of a contrastive objective can get wrong, found before anything is written.
#pragma once

#include "../core/error.hpp"
#include "../row/check.hpp"
#include "batch.hpp"
#include "objective.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

inline void check_contrast_options(const char* who, const contrast_options& options) {
  if (options.largest_tile < 1) fail(who, ": largest_tile is ", options.largest_tile, ", must be at least 1");
  check_execution(options.execution);
}
template <class A, class B>
void check_width(const char* name, const matrix_view<A>& m, const char* other, const matrix_view<B>& reference) {
  if (m.rows > 0 && reference.rows > 0 && m.columns != reference.columns)
    fail(name, " has ", m.columns, " columns, ", other, " has ", reference.columns);
}
template <class A, class B>
void check_count(const char* name, const matrix_view<A>& m, const char* other, const matrix_view<B>& reference) {
  if (m.rows != reference.rows) fail(name, " has ", m.rows, " rows, ", other, " has ", reference.rows);
}
template <class T>
void check_gradient_of(const char* name, const matrix_view<T>& to, const matrix_view<const T>& in) {
  if (to && (to.rows != in.rows || to.columns != in.columns))
    fail("gradient to ", name, " is ", to.rows, " x ", to.columns, ", ", name, " is ", in.rows, " x ", in.columns);
}
/// A queue is read in place by products.
template <class T>
void check_queue(const char* name, const matrix_view<const T>& queue) {
  if (queue.rows > 0 && queue.column_stride != 1 && queue.row_stride != 1)
    fail(name, " has strides ", queue.row_stride, " and ", queue.column_stride, ", one of them must be 1");
}

template <class O>
constexpr contrast_directions directions_of(const O& objective) {
  if constexpr (requires { objective.directions; })
    return objective.directions;
  else
    return contrast_directions::anchors;
}

/// Whether the labels are a permutation, as keys that look for their anchors need it; `inverse` becomes its inverse.
inline void check_permutation(const char* who, const index_view& labels, index* inverse) {
  const index size = labels.size();
  for (index j = 0; j < size; ++j) inverse[j] = -1;
  for (index i = 0; i < size; ++i) {
    const index j = labels[i];
    if (j < 0 || j >= size || inverse[j] >= 0)
      fail(who, ": labels[", i, "] is ", j, ", in both directions each key in [0, ", size, ") must occur once");
    inverse[j] = i;
  }
}

template <contrast_objective O, class T>
void check_contrast(const O& objective, const contrast_batch<T>& in, const contrast_gradients<T>& out,
                    const contrast_options& options) {
  const char* const name = O::info.name.data();
  check_contrast_options(name, options);
  if constexpr (requires { objective.validate(); }) objective.validate();
  check_temperature<T>(O::info.name, objective.rows().temperature, 0);
  check_width("keys", in.keys, "anchors", in.anchors);
  check_gradient_of("anchors", out.anchors, in.anchors);
  check_gradient_of("keys", out.keys, in.keys);
  constexpr bool among_all = O::scheme == contrast_scheme::views || O::scheme == contrast_scheme::classes;
  if constexpr (among_all) {
    if (in.queue.rows > 0) fail(name, ": queue has ", in.queue.rows, " rows, must be empty");
  } else {
    check_width("queue", in.queue, "anchors", in.anchors);
    check_queue("queue", in.queue);
  }
  if constexpr (O::scheme == contrast_scheme::targets) {
    check_count("keys", in.keys, "anchors", in.anchors);
    if (out.keys) fail("gradient to keys: ", name, " holds them constant");
  }
  if constexpr (O::scheme == contrast_scheme::views) {
    if (in.keys.rows > 0) check_count("keys", in.keys, "anchors", in.anchors);
    if (in.keys.rows == 0 && in.anchors.rows % 2 != 0)
      fail(name, ": anchors has ", in.anchors.rows, " rows, without keys they are two views: an even number");
  }
  if constexpr (O::scheme == contrast_scheme::classes) {
    const index both = in.anchors.rows + in.keys.rows, size = in.labels.size();
    if (size != both && !(in.keys.rows == in.anchors.rows && size == in.anchors.rows))
      fail("labels has ", size, " entries, anchors and keys have ", both, " rows");
  } else if constexpr (O::scheme == contrast_scheme::pairs) {
    if (!in.labels) return check_count("keys", in.keys, "anchors", in.anchors);
    if (in.labels.size() != in.anchors.rows)
      fail("labels has ", in.labels.size(), " entries, anchors has ", in.anchors.rows, " rows");
    if (directions_of(objective) != contrast_directions::anchors)
      return check_count("keys", in.keys, "anchors", in.anchors);
    const index columns = in.keys.rows + in.queue.rows;
    if (columns == 0 && in.anchors.rows > 0) fail("keys has 0 rows, anchors has ", in.anchors.rows);
    for (index r = 0; r < in.anchors.rows; ++r) objective.rows().validate_label(r, in.labels[r], columns);
  } else if (in.labels) {
    fail(name, ": labels has ", in.labels.size(), " entries, must be empty");
  }
}

}  // namespace detail
DISTILL_NAMESPACE_END
