// The other way to read a matrix.
#pragma once

#include "../config.hpp"
#include "../core/matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN

/// The same matrix with rows and columns exchanged; nothing moves.
template <class T>
constexpr matrix_view<T> transposed(const matrix_view<T>& m) {
  return {m.data, m.columns, m.rows, m.column_stride, m.row_stride};
}

DISTILL_NAMESPACE_END
