// How every function of the library sees a matrix: a pointer, two extents, two strides. Nothing is ever copied or
// owned.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "../config.hpp"
#include "error.hpp"

DISTILL_NAMESPACE_BEGIN

/// Sizes and positions are signed 64-bit: rows × columns may exceed 2³¹.
using index = std::int64_t;

namespace detail {

/// A matrix, map or block of Eigen 3.4, recognised by its members so that this header needs no Eigen.
template <class M>
concept eigen_dense = requires(M& m) {
  { m.rows() } -> std::convertible_to<index>;
  { m.cols() } -> std::convertible_to<index>;
  { m.innerStride() } -> std::convertible_to<index>;
  { m.outerStride() } -> std::convertible_to<index>;
  {m.data()};
  {std::remove_cvref_t<M>::IsRowMajor};
};

/// Not an Eigen matrix that could have several rows and columns: its elements have no one stride.
template <class Range>
concept one_dimensional = !eigen_dense<Range> || requires {
  requires bool(Range::IsVectorAtCompileTime);
};

/// Elements from one entry of a range to the next.
template <class Range>
constexpr index element_stride(const Range& range) {
  if constexpr (requires { range.innerStride(); })
    return range.innerStride();
  else
    return 1;
}

}  // namespace detail

/// A rows × columns matrix somewhere in memory. `T` is const for inputs. Strides count elements, and may be any number:
/// row-major storage has column_stride 1, a column-major Eigen::MatrixXf has row_stride 1.
template <class T>
struct matrix_view {
  T* data = nullptr;
  index rows = 0;
  index columns = 0;
  index row_stride = 0;
  index column_stride = 1;

  constexpr matrix_view() = default;
  /// Contiguous row-major storage.
  constexpr matrix_view(T* data_, index rows_, index columns_) : matrix_view(data_, rows_, columns_, columns_, 1) {}
  constexpr matrix_view(T* data_, index rows_, index columns_, index row_stride_, index column_stride_ = 1)
      : data(data_), rows(rows_), columns(columns_), row_stride(row_stride_), column_stride(column_stride_) {}

  /// Eigen matrices, maps and blocks of the same scalar, row- or column-major.
  template <detail::eigen_dense M>
  requires std::convertible_to<decltype(std::declval<M&>().data()), T*>
  constexpr matrix_view(M&& m)  // NOLINT: the conversion is the point
      : data(m.data()), rows(m.rows()), columns(m.cols()) {
    const bool row_major = std::remove_cvref_t<M>::IsRowMajor;
    row_stride = row_major ? m.outerStride() : m.innerStride();
    column_stride = row_major ? m.innerStride() : m.outerStride();
  }

  /// A mutable view reads as a const one.
  template <class U>
  requires std::same_as<const U, T>
  constexpr matrix_view(const matrix_view<U>& other)  // NOLINT: the conversion is the point
      : matrix_view(other.data, other.rows, other.columns, other.row_stride, other.column_stride) {}

  constexpr T& operator()(index row, index column) const { return data[row * row_stride + column * column_stride]; }
  constexpr T* row(index r) const { return data + r * row_stride; }
  explicit constexpr operator bool() const { return data != nullptr; }
};

/// Class ids or other integers, one a row, of any integer width (IDX files hold bytes, PyTorch holds int64).
class index_view {
 public:
  constexpr index_view() = default;
  template <std::integral I>
  constexpr index_view(const I* data, index size, index stride = 1)
      : data_(data),
        size_(size),
        stride_(stride),
        read_([](const void* p, index i) -> index { return static_cast<index>(static_cast<const I*>(p)[i]); }) {}
  /// std::vector, std::span, std::array, an Eigen vector, a column of an Eigen matrix. It is viewed, not copied.
  template <class Range>
  requires detail::one_dimensional<Range> && requires(const Range& r) {
    { *r.data() } -> std::convertible_to<index>;
    { r.size() } -> std::convertible_to<index>;
  } && std::integral<std::remove_cvref_t<decltype(*std::declval<const Range&>().data())>>
  constexpr index_view(const Range& range)  // NOLINT: the conversion is the point
      : index_view(range.data(), static_cast<index>(range.size()), detail::element_stride(range)) {}

  constexpr index size() const { return size_; }
  constexpr index operator[](index i) const { return read_(data_, i * stride_); }
  explicit constexpr operator bool() const { return data_ != nullptr; }
  friend constexpr bool operator==(const index_view&, const index_view&) = default;

 private:
  const void* data_ = nullptr;
  index size_ = 0, stride_ = 1;
  index (*read_)(const void*, index) = nullptr;
};

/// A matrix of integers of any width, or of floating-point numbers of any width, read as `Number`.
template <class Number>
class any_matrix {
 public:
  constexpr any_matrix() = default;
  template <class I>
  requires(std::is_arithmetic_v<I>&& std::is_integral_v<I> == std::is_integral_v<Number>) constexpr any_matrix(
      const matrix_view<I>& m)  // NOLINT: the conversion is the point
      : data_(m.data),
        rows_(m.rows),
        columns_(m.columns),
        row_stride_(m.row_stride),
        column_stride_(m.column_stride),
        read_([](const void* p, index i) { return static_cast<Number>(static_cast<const I*>(p)[i]); }) {}
  template <detail::eigen_dense M>
  constexpr any_matrix(const M& m)  // NOLINT: likewise
      : any_matrix(matrix_view<const std::remove_cvref_t<decltype(*m.data())>>(m)) {}

  constexpr index rows() const { return rows_; }
  constexpr index columns() const { return columns_; }
  constexpr Number operator()(index r, index c) const { return read_(data_, r * row_stride_ + c * column_stride_); }
  explicit constexpr operator bool() const { return data_ != nullptr; }

 private:
  const void* data_ = nullptr;
  index rows_ = 0, columns_ = 0, row_stride_ = 0, column_stride_ = 1;
  Number (*read_)(const void*, index) = nullptr;
};

DISTILL_NAMESPACE_END
