// A convolution as a matrix product: images to patch matrices and back.
#pragma once

#include <algorithm>

#include "../../config.hpp"
#include "../../core/sweep.hpp"
#include "convolution_shape.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn::detail {

/// The patch matrix of an image has a row for each (input, ky, kx) and a column for each output pixel, row-major, so
/// that a convolution is weights × patches. Calls pixels(image offset, patch offset, count) for every row of pixels
/// inside the image and outside(patch offset, count) for what lies outside.
template <class Pixels, class Outside>
DISTILL_INLINE void for_each_patch_row(const convolution_shape& s, const Pixels& pixels, const Outside& outside) {
  const index oh = s.out_height(), ow = s.out_width();
  index row = 0;
  for (index c = 0; c < s.inputs; ++c)
    for (index ky = 0; ky < s.window; ++ky)
      for (index kx = 0; kx < s.window; ++kx, row += oh * ow) {
        const auto [y0, y1] = s.windows(ky, s.height, oh);
        const auto [x0, x1] = s.windows(kx, s.width, ow);
        if (y0 > 0) outside(row, y0 * ow);
        for (index y = y0; y < y1; ++y) {
          const index patch = row + y * ow;
          if (x0 > 0) outside(patch, x0);
          if (x1 > x0)
            pixels((c * s.height + y * s.stride + ky - s.padding) * s.width + x0 * s.stride + kx - s.padding,
                   patch + x0, x1 - x0);
          if (x1 < ow) outside(patch + x1, ow - x1);
        }
        if (y1 < oh) outside(row + y1 * ow, (oh - y1) * ow);
      }
}

/// patches = patch matrix of image
template <class T>
void gather_patches(const convolution_shape& s, const T* image, T* patches) {
  const auto zero = [&](index to, index count) { std::fill_n(patches + to, count, T(0)); };
  if (s.stride == 1)
    for_each_patch_row(
        s,
        [&](index from, index to, index count) DISTILL_LAMBDA_INLINE {
          distill::detail::sweep<T>(
              count, [](simd<T>& a, const simd<T>& b) DISTILL_LAMBDA_INLINE { a = b; }, patches + to, image + from);
        },
        zero);
  else
    for_each_patch_row(
        s,
        [&, stride = s.stride](index from, index to, index count) {
          for (index i = 0; i < count; ++i) patches[to + i] = image[from + i * stride];
        },
        zero);
}

/// image += every element of the patch matrix at the pixel it was taken from: the transpose of gather_patches.
template <class T>
void scatter_patches(const convolution_shape& s, const T* patches, T* image) {
  const auto nothing = [](index, index) {};
  if (s.stride == 1)
    for_each_patch_row(
        s,
        [&](index to, index from, index count)
            DISTILL_LAMBDA_INLINE { distill::detail::add_to(image + to, patches + from, count); },
        nothing);
  else
    for_each_patch_row(
        s,
        [&, stride = s.stride](index to, index from, index count) {
          for (index i = 0; i < count; ++i) image[to + i * stride] += patches[from + i];
        },
        nothing);
}

}  // namespace nn::detail
DISTILL_NAMESPACE_END
