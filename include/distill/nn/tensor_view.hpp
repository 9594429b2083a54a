// How the student stack sees an array: a pointer and a shape, dense and row-major.
#pragma once

#include <concepts>
#include <type_traits>

#include "../config.hpp"
#include "../core/matrix_view.hpp"
#include "tensor_shape.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// A dense row-major array somewhere in memory, not owned. T is const for inputs.
template <class T>
struct tensor_view {
  T* data = nullptr;
  tensor_shape shape;

  constexpr tensor_view() = default;
  constexpr tensor_view(T* data_, const tensor_shape& shape_) : data(data_), shape(shape_) {}
  /// A mutable view reads as a const one.
  template <class Mutable>
  requires std::is_same_v<const Mutable, T>
  constexpr tensor_view(const tensor_view<Mutable>& other)  // NOLINT: the conversion is the point
      : data(other.data), shape(other.shape) {}
  /// A matrix whose rows lie directly one after the other. @throws argument_error  for other strides
  constexpr tensor_view(const matrix_view<T>& matrix) : data(matrix.data), shape{matrix.rows, matrix.columns} {
    const bool dense =
        (matrix.column_stride == 1 || matrix.columns <= 1) && (matrix.row_stride == matrix.columns || matrix.rows <= 1);
    if (!dense)
      fail("tensor_view: matrix has strides ", matrix.row_stride, " and ", matrix.column_stride, ", ", matrix.columns,
           " and 1 expected (dense rows)");
  }

  constexpr index size() const { return shape.size(); }
  /// One row for each item of the batch, the other extents flattened.
  constexpr matrix_view<T> matrix() const {
    return {data, shape.rank() == 0 ? 0 : shape[0], shape.rank() == 0 ? 0 : shape.features()};
  }
  /// The element at the given position, one index for each extent.
  template <std::convertible_to<index>... Position>
  constexpr T& operator()(Position... position) const {
    index offset = 0;
    int axis = 0;
    ((offset = offset * shape[axis++] + static_cast<index>(position)), ...);
    return data[offset];
  }
  explicit constexpr operator bool() const { return data != nullptr; }
};

}  // namespace nn
DISTILL_NAMESPACE_END
