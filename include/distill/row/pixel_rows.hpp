// Images × classes × height × width, as rows of classes (one a pixel) or as rows of pixels (one a class), where they
// lie.
#pragma once

#include <array>

#include "../config.hpp"
#include "../core/error.hpp"
#include "rows_view.hpp"

DISTILL_NAMESPACE_BEGIN

/// Four numbers of a tensor, in the order images, classes, height, width.
using image_axes = std::array<index, 4>;

/// The strides of a tensor whose elements lie one after the other in that order.
inline image_axes dense_strides(const image_axes& extents) {
  return {extents[1] * extents[2] * extents[3], extents[2] * extents[3], extents[3], 1};
}

namespace detail {

inline void check_extents(const char* who, const image_axes& extents) {
  constexpr const char* names[] = {"images", "classes", "height", "width"};
  for (std::size_t axis = 0; axis < extents.size(); ++axis)
    if (extents[axis] < 0) fail(who, ": ", names[axis], " is ", extents[axis], ", must not be negative");
}

}  // namespace detail

/// images · height · width rows of `classes` columns: row (n · height + h) · width + w is the pixel (n, h, w).
/// Segmentation and detection heads; labels and weights are those of the pixels in the same order. Strides count
/// elements and may be any (channels last included, which reads in place).
/// @throws argument_error  a negative extent
template <class T>
rows_view<T> pixel_rows(T* data, const image_axes& extents, const image_axes& strides) {
  detail::check_extents("pixel_rows", extents);
  const auto [images, classes, height, width] = extents;
  row_layout layout{.rows = images * height * width,
                    .columns = classes,
                    .stored = classes,
                    .column_stride = strides[1],
                    .middle = height,
                    .inner = width,
                    .strides = {strides[0], strides[2], strides[3]}};
  const bool lines_meet = strides[2] == width * strides[3] || height <= 1;
  if (lines_meet) layout.middle = 1, layout.inner = height * width;
  if ((lines_meet && strides[0] == height * width * strides[3]) || layout.rows == 0) layout.inner = row_layout::endless;
  return {data, layout};
}
template <class T>
rows_view<T> pixel_rows(T* data, const image_axes& extents) {
  return pixel_rows(data, extents, dense_strides(extents));
}

/// images · classes rows of height · width columns: row n · classes + c is the map of class c in image n. For softmaxes
/// over space (channel-wise distillation).
/// @throws argument_error  a negative extent; lines of a map that do not follow each other
template <class T>
rows_view<T> map_rows(T* data, const image_axes& extents, const image_axes& strides) {
  detail::check_extents("map_rows", extents);
  const auto [images, classes, height, width] = extents;
  if (strides[2] != width * strides[3] && height > 1)
    fail("map_rows: the stride of height is ", strides[2], ", must be width times its stride: ", width * strides[3]);
  row_layout layout{.rows = images * classes,
                    .columns = height * width,
                    .stored = height * width,
                    .column_stride = strides[3],
                    .inner = classes,
                    .strides = {strides[0], 0, strides[1]}};
  if (strides[0] == classes * strides[1] || layout.rows == 0) layout.inner = row_layout::endless;
  return {data, layout};
}
template <class T>
rows_view<T> map_rows(T* data, const image_axes& extents) {
  return map_rows(data, extents, dense_strides(extents));
}

DISTILL_NAMESPACE_END
