// Images with the channels innermost, and back.
#pragma once

#include <algorithm>

#include "../../config.hpp"
#include "../../core/simd.hpp"
#include "../../core/sweep.hpp"
#include "../../core/transpose.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn::detail {

/// How one image lies in memory: channels in blocks of one vector, each block rows × columns × lanes. A vector holds
/// the same pixel of neighbouring channels, so that no lane is lost at the edges of an image, however small.
template <class T>
struct channel_blocks {
  static constexpr index lanes = lane<simd<T>>::width;
  index channels = 0, rows = 0, columns = 0;

  index blocks() const { return (channels + lanes - 1) / lanes; }
  index row_stride() const { return columns * lanes; }
  index block_stride() const { return rows * row_stride(); }
  index size() const { return blocks() * block_stride(); }

  /// Planes of height × width at (top, left); zero around them and in the lanes after the last channel.
  void gather(const T* planes, index height, index width, index top, index left, T* to) const {
    for (index first = 0; first < channels; first += lanes, to += block_stride()) {
      const index used = std::min(lanes, channels - first);
      if (used < lanes) std::fill_n(to, block_stride(), T(0));
      std::fill_n(to, top * row_stride(), T(0));
      for (index y = 0; y < height; ++y) {
        T* row = to + (top + y) * row_stride();
        std::fill_n(row, left * lanes, T(0));
        distill::detail::transpose(planes + first * height * width + y * width, height * width, used, width,
                                   row + left * lanes, lanes);
        std::fill_n(row + (left + width) * lanes, (columns - left - width) * lanes, T(0));
      }
      std::fill_n(to + (top + height) * row_stride(), (rows - top - height) * row_stride(), T(0));
    }
  }

  /// to += planes of height × width. (For results that are added to: rare enough to go element by element.)
  void add(const T* planes, index height, index width, T* to) const {
    for (index c = 0; c < channels; ++c)
      for (index y = 0; y < height; ++y)
        for (index x = 0; x < width; ++x)
          to[c / lanes * block_stride() + y * row_stride() + x * lanes + c % lanes] +=
              planes[(c * height + y) * width + x];
  }

  /// The first height rows and width columns, back to planes.
  void scatter(const T* from, index height, index width, T* planes) const {
    for (index first = 0; first < channels; first += lanes, from += block_stride())
      for (index y = 0; y < height; ++y)
        distill::detail::transpose(from + y * row_stride(), lanes, width, std::min(lanes, channels - first),
                                   planes + first * height * width + y * width, height * width);
  }
};

}  // namespace nn::detail
DISTILL_NAMESPACE_END
