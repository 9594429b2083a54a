// Images with the channels innermost, and back.
#pragma once

#include <algorithm>

#include "../../config.hpp"
#include "../../core/simd.hpp"
#include "../../core/unroll.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn::detail {

using distill::detail::unroll;

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

  /// Planes of height × width, `border` rows and columns from the beginning; zero around them and in the lanes after
  /// the last channel.
  void gather(const T* planes, index height, index width, index border, T* to) const {
    for (index first = 0; first < channels; first += lanes, to += block_stride()) {
      const T* from = planes + first * height * width;
      const index used = std::min(lanes, channels - first);
      std::fill_n(to, border * row_stride(), T(0));
      for (index y = 0; y < height; ++y) {
        T* row = to + (border + y) * row_stride();
        std::fill_n(row, border * lanes, T(0));
        row += border * lanes;
        for (index x = 0; x < width; x += lanes)
          turn(from + y * width + x, height * width, used, pixels(height - y, width, x), row + x * lanes);
        std::fill_n(row + width * lanes, (columns - border - width) * lanes, T(0));
      }
      std::fill_n(to + (border + height) * row_stride(), (rows - border - height) * row_stride(), T(0));
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
    for (index first = 0; first < channels; first += lanes, from += block_stride()) {
      T* to = planes + first * height * width;
      const index used = std::min(lanes, channels - first);
      for (index y = 0; y < height; ++y)
        for (index x = 0; x < width; x += lanes)
          turn_back(from + y * row_stride() + x * lanes, pixels(height - y, width, x), to + y * width + x,
                    height * width, used);
    }
  }

 private:
  static constexpr int square_size = static_cast<int>(lanes);

  /// How many pixels to move at column x of the first of the last `left` rows: whole vectors run into the next rows,
  /// which are written later, as long as there are any.
  static index pixels(index left, index width, index x) {
    return left * width - x >= lanes ? lanes : std::min(lanes, width - x);
  }

  /// `count` pixels of `used` planes to as many vectors.
  static void turn(const T* from, index stride, index used, index count, T* to) {
    if (used == lanes && count == lanes)
      return turn_square([&](index i) DISTILL_LAMBDA_INLINE { return simd<T>::load_unaligned(from + i * stride); },
                         [&](index i, const simd<T>& v) DISTILL_LAMBDA_INLINE { v.store_aligned(to + i * lanes); });
    turn_square(
        [&](index i) DISTILL_LAMBDA_INLINE {
          return distill::detail::load_partial<T>(from + std::min(i, used - 1) * stride, i < used ? count : 0, T(0));
        },
        [&](index i, const simd<T>& v) DISTILL_LAMBDA_INLINE {
          if (i < count) v.store_aligned(to + i * lanes);
        });
  }
  /// `count` vectors to as many pixels of `used` planes.
  static void turn_back(const T* from, index count, T* to, index stride, index used) {
    if (used == lanes && count == lanes)
      return turn_square([&](index i) DISTILL_LAMBDA_INLINE { return simd<T>::load_aligned(from + i * lanes); },
                         [&](index i, const simd<T>& v) DISTILL_LAMBDA_INLINE { v.store_unaligned(to + i * stride); });
    turn_square([&](index i)
                    DISTILL_LAMBDA_INLINE { return simd<T>::load_aligned(from + std::min(i, count - 1) * lanes); },
                [&](index i, const simd<T>& v) DISTILL_LAMBDA_INLINE {
                  if (i < used) distill::detail::store_partial<T>(to + i * stride, count, v);
                });
  }
  template <class Load, class Store>
  DISTILL_INLINE static void turn_square(const Load& load, const Store& store) {
    simd<T> square[square_size];
    unroll<square_size>([&](auto i) DISTILL_LAMBDA_INLINE { square[i] = load(i); });
    distill::detail::transpose_square<T>(square);
    unroll<square_size>([&](auto i) DISTILL_LAMBDA_INLINE { store(i, square[i]); });
  }
};

}  // namespace nn::detail
DISTILL_NAMESPACE_END
