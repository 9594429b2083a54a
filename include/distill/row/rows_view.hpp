// Rows of classes that lie anywhere in memory: more than two strides can say, and still nothing is copied or owned.
#pragma once

#include <array>
#include <concepts>
#include <limits>
#include <type_traits>

#include "../config.hpp"
#include "../core/matrix_view.hpp"
#include "index_map.hpp"

DISTILL_NAMESPACE_BEGIN

/// Where class c of row r lies, in elements from the first one:
///   row r     its id (r, or what `chosen_rows` says) is a position in a grid of any × middle × inner rows:
///             (id / (middle · inner)) · strides[0] + (id / inner % middle) · strides[1] + (id % inner) · strides[2]
///   class c   its id (c, or what `chosen_columns` says) · column_stride
/// A matrix is the grid whose inner extent is without end. Classes from `stored` on are padding: read as -inf (masked),
/// never written.
struct row_layout {
  static constexpr index endless = std::numeric_limits<index>::max();

  index rows = 0, columns = 0, stored = 0;
  index column_stride = 1;
  index middle = 1, inner = endless;
  std::array<index, 3> strides{};
  const index_map* chosen_rows = nullptr;
  const index_map* chosen_columns = nullptr;

  index row(index r) const { return position(chosen_rows ? (*chosen_rows)[r] : r); }
  index column(index c) const { return (chosen_columns ? (*chosen_columns)[c] : c) * column_stride; }
  index position(index id) const {
    if (inner == endless) return id * strides[2];
    const index outer = id / inner;
    return outer / middle * strides[0] + outer % middle * strides[1] + id % inner * strides[2];
  }
  /// Calls f(i, row(first + i)) for i < count; divides only where a run of rows ends.
  template <class F>
  void each_row(index first, index count, const F& f) const {
    index left = 0, place = 0;
    for (index i = 0; i < count; ++i, --left, place += strides[2]) {
      if (left == 0) {
        place = row(first + i);
        left = chosen_rows ? 1 : inner == endless ? count : inner - (first + i) % inner;
      }
      f(i, place);
    }
  }
  /// A row is one run of elements.
  bool contiguous() const { return column_stride == 1 && !chosen_columns && stored == columns; }
};

/// A batch whose rows lie as `layout` says. T is const for inputs; in a call on floats it may be float, half or
/// bfloat16. What it points to must outlive it: the numbers, and the index maps that chose among them.
template <class T>
struct rows_view {
  T* data = nullptr;
  row_layout layout;

  rows_view() = default;
  rows_view(T* data_, const row_layout& layout_) : data(data_), layout(layout_) {}
  template <class M>
  requires std::convertible_to<M&, matrix_view<T>> rows_view(M&& m) {  // NOLINT: the conversion is the point
    const matrix_view<T> matrix = m;
    data = matrix.data;
    layout.rows = matrix.rows;
    layout.columns = layout.stored = matrix.columns;
    layout.column_stride = matrix.column_stride;
    layout.strides[2] = matrix.row_stride;
  }
  /// A mutable view reads as a const one.
  template <class U>
  requires std::same_as<const U, T> rows_view(const rows_view<U>& other)  // NOLINT: the conversion is the point
      : data(other.data), layout(other.layout) {}
};
template <class T>
rows_view(matrix_view<T>) -> rows_view<T>;
template <detail::eigen_dense M>
rows_view(M&& m) -> rows_view<std::remove_reference_t<decltype(*m.data())>>;

namespace detail {

/// A matrix or a rows_view of anything.
template <class M>
concept any_rows_view = requires(M& m) {
  rows_view(m);
};

}  // namespace detail
DISTILL_NAMESPACE_END
