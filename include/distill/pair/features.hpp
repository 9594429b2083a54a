// How pair objectives see features: matrices that lie anywhere in memory, one for each item of a batch.
#pragma once

#include <algorithm>
#include <array>
#include <type_traits>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN

/// rows × columns of a matrix; where the columns are the pixels of a map, also its height and width (else 0).
struct feature_shape {
  index rows = 0, columns = 0;
  index height = 0, width = 0;

  constexpr index size() const { return rows * columns; }
  friend constexpr bool operator==(const feature_shape&, const feature_shape&) = default;
};

/// `items` matrices of one shape, viewed where they lie. An ordinary batch of features is one item: an Eigen matrix or
/// matrix_view whose rows are the samples. Feature maps and attention heads are many. T is const for inputs.
template <class T>
struct feature_stack {
  T* data = nullptr;
  index items = 0;
  feature_shape shape;
  index row_stride = 0, column_stride = 1;
  /// Item i begins (i / inner) · item_strides[0] + (i % inner) · item_strides[1] elements after the first.
  index inner = 1;
  std::array<index, 2> item_strides{};

  feature_stack() = default;
  template <class M>
  requires std::convertible_to<M&, matrix_view<T>> feature_stack(M&& m) {  // NOLINT: the conversion is the point
    const matrix_view<T> matrix = m;
    *this = {matrix.data, 1, {matrix.rows, matrix.columns}, matrix.row_stride, matrix.column_stride};
  }
  feature_stack(T* data_, index items_, const feature_shape& shape_, index row_stride_, index column_stride_,
                index inner_ = 1, std::array<index, 2> item_strides_ = {})
      : data(data_),
        items(items_),
        shape(shape_),
        row_stride(row_stride_),
        column_stride(column_stride_),
        inner(inner_),
        item_strides(item_strides_) {}
  /// A mutable stack reads as a const one.
  template <class U>
  requires std::same_as<const U, T> feature_stack(const feature_stack<U>& o)  // NOLINT: the conversion is the point
      : feature_stack(o.data, o.items, o.shape, o.row_stride, o.column_stride, o.inner, o.item_strides) {}

  matrix_view<T> item(index i) const {
    return {data + i / inner * item_strides[0] + i % inner * item_strides[1], shape.rows, shape.columns, row_stride,
            column_stride};
  }
  explicit operator bool() const { return data != nullptr; }
};

/// Images, channels, height, width: the extents or the strides of feature maps.
using map_axes = std::array<index, 4>;

namespace detail {

inline void check_map_axes(const char* who, const map_axes& extents, const map_axes& strides) {
  constexpr const char* names[] = {"images", "channels", "height", "width"};
  for (std::size_t axis = 0; axis < extents.size(); ++axis)
    if (extents[axis] < 0) fail(who, ": ", names[axis], " is ", extents[axis], ", must not be negative");
  if (extents[2] > 1 && strides[2] != extents[3] * strides[3])
    fail(who, ": the stride of height is ", strides[2], ", must be width times its stride: ", extents[3] * strides[3]);
}
inline map_axes dense_map_strides(const map_axes& e) { return {e[1] * e[2] * e[3], e[2] * e[3], e[3], 1}; }

}  // namespace detail

/// Maps of images × channels × height × width as one item an image: channels in rows, pixels in columns.
/// @throws argument_error  a negative extent, lines of a map that do not follow each other
template <class T>
feature_stack<T> channel_maps(T* data, const map_axes& extents, const map_axes& strides) {
  detail::check_map_axes("channel_maps", extents, strides);
  return {data, extents[0],     {extents[1], extents[2] * extents[3], extents[2], extents[3]}, strides[1], strides[3],
          1,    {strides[0], 0}};
}
template <class T>
feature_stack<T> channel_maps(T* data, const map_axes& extents) {
  return channel_maps(data, extents, detail::dense_map_strides(extents));
}

/// The same maps with pixels in rows and channels in columns: for relations between places.
/// @throws argument_error  likewise
template <class T>
feature_stack<T> pixel_features(T* data, const map_axes& extents, const map_axes& strides) {
  detail::check_map_axes("pixel_features", extents, strides);
  return {data, extents[0], {extents[2] * extents[3], extents[1]}, strides[3], strides[1], 1, {strides[0], 0}};
}
template <class T>
feature_stack<T> pixel_features(T* data, const map_axes& extents) {
  return pixel_features(data, extents, detail::dense_map_strides(extents));
}

/// Token features of sequences × tokens × width as one item a sequence and head: tokens in rows, a head's
/// ⌊width / heads⌋ features in columns; what does not divide is left out.
/// @throws argument_error  heads < 1 or more than the width
template <class T>
feature_stack<T> attention_heads(T* data, index sequences, index tokens, index width, index heads) {
  if (heads < 1 || heads > width)
    fail("attention_heads: heads is ", heads, ", must be between 1 and the width, ", width);
  const index size = width / heads;
  return {data, sequences * heads, {tokens, size}, width, 1, heads, {tokens * width, size}};
}

/// Student and teacher features, item by item.
template <class T>
struct feature_pair {
  feature_stack<const T> student{};
  feature_stack<const T> teacher{};
  /// A later stage of each network, for objectives between two stages of one network.
  feature_stack<const T> student_next{};
  feature_stack<const T> teacher_next{};
  /// How many rows of each item count, where sequences are padded; the gradient of the rest is 0. One number an item,
  /// or one for a run of items (the heads of a sequence). Empty: all rows.
  index_view valid_rows{};
};

/// Where gradients go; empty where they are not wanted. Shapes are those of the inputs, strides may differ.
template <class T>
struct feature_gradients {
  feature_stack<T> student{};
  feature_stack<T> teacher{};
  feature_stack<T> student_next{};
  feature_stack<T> teacher_next{};
};

DISTILL_NAMESPACE_END
