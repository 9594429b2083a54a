// A convolution as a matrix product: images to patch matrices and back.
#pragma once

#include <algorithm>

#include "../../config.hpp"
#include "../../core/matrix_view.hpp"
#include "../../core/sweep.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn::detail {

/// Patches of kernel × kernel pixels of a channels × height × width image. The patch matrix has a row for each
/// (channel, ky, kx) and a column for each output pixel, row-major, so a convolution is weights × patches.
struct patch_geometry {
  index channels = 0, height = 0, width = 0;
  index kernel = 1, stride = 1, padding = 0;

  index out_height() const { return (height + 2 * padding - kernel) / stride + 1; }
  index out_width() const { return (width + 2 * padding - kernel) / stride + 1; }
  index rows() const { return channels * kernel * kernel; }
  index columns() const { return out_height() * out_width(); }
  bool fits() const { return height + 2 * padding >= kernel && width + 2 * padding >= kernel; }

  /// Output positions [first, last) whose input position `out · stride + offset` lies in [0, extent).
  void inside(index offset, index extent, index outputs, index& first, index& last) const {
    first = std::clamp<index>((stride - 1 - offset) / stride, 0, outputs);
    if (offset >= 0) first = 0;
    last = offset >= extent ? first : std::clamp<index>((extent - 1 - offset) / stride + 1, first, outputs);
  }

  /// Calls pixels(image offset, patch offset, count) for every row of pixels inside the image and padding(patch offset,
  /// count) for what lies outside.
  template <class Pixels, class Padding>
  DISTILL_INLINE void for_each_row(const Pixels& pixels, const Padding& outside) const {
    const index oh = out_height(), ow = out_width();
    index row = 0;
    for (index c = 0; c < channels; ++c)
      for (index ky = 0; ky < kernel; ++ky)
        for (index kx = 0; kx < kernel; ++kx, row += oh * ow) {
          index y0 = 0, y1 = 0, x0 = 0, x1 = 0;
          inside(ky - padding, height, oh, y0, y1);
          inside(kx - padding, width, ow, x0, x1);
          if (y0 > 0) outside(row, y0 * ow);
          for (index y = y0; y < y1; ++y) {
            const index patch = row + y * ow;
            if (x0 > 0) outside(patch, x0);
            if (x1 > x0)
              pixels((c * height + y * stride + ky - padding) * width + x0 * stride + kx - padding, patch + x0,
                     x1 - x0);
            if (x1 < ow) outside(patch + x1, ow - x1);
          }
          if (y1 < oh) outside(row + y1 * ow, (oh - y1) * ow);
        }
  }
};

/// patches = patch matrix of image
template <class T>
void gather_patches(const patch_geometry& g, const T* image, T* patches) {
  const auto zero = [&](index to, index count) { std::fill_n(patches + to, count, T(0)); };
  if (g.stride == 1)
    g.for_each_row(
        [&](index from, index to, index count) DISTILL_LAMBDA_INLINE {
          distill::detail::sweep<T>(
              count, [](simd<T>& a, const simd<T>& b) DISTILL_LAMBDA_INLINE { a = b; }, patches + to, image + from);
        },
        zero);
  else
    g.for_each_row(
        [&](index from, index to, index count) {
          for (index i = 0; i < count; ++i) patches[to + i] = image[from + i * g.stride];
        },
        zero);
}

/// image += every element of the patch matrix at the pixel it was taken from: the transpose of gather_patches.
template <class T>
void scatter_patches(const patch_geometry& g, const T* patches, T* image) {
  const auto nothing = [](index, index) {};
  if (g.stride == 1)
    g.for_each_row([&](index to, index from, index count)
                       DISTILL_LAMBDA_INLINE { distill::detail::add_to(image + to, patches + from, count); },
                   nothing);
  else
    g.for_each_row(
        [&](index to, index from, index count) {
          for (index i = 0; i < count; ++i) image[to + i * g.stride] += patches[from + i];
        },
        nothing);
}

}  // namespace nn::detail
DISTILL_NAMESPACE_END
