// Which parts of a feature map a network has to do without: random masks, 1 = keep, and features behind a mask.
#pragma once

#include <cstdint>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"
#include "../core/random.hpp"

DISTILL_NAMESPACE_BEGIN

namespace detail {

template <class T, class Keep>
void fill_mask(const char* who, double hidden, const random_stream& random, const matrix_view<T>& mask,
               const Keep& keep) {
  if (!(hidden >= 0 && hidden <= 1)) fail(who, ": hidden is ", hidden, ", must lie in [0, 1]");
  for (index r = 0; r < mask.rows; ++r)
    for (index c = 0; c < mask.columns; ++c) {
      const auto counter =
          static_cast<std::uint64_t>(r) * static_cast<std::uint64_t>(mask.columns) + static_cast<std::uint64_t>(c);
      mask(r, c) = keep(random.uniform(counter)) ? T(1) : T(0);
    }
}

}  // namespace detail

/// One mask of pixels an item, items × pixels: a pixel is kept where u ≤ 1 − hidden, with u the stream's number
/// item · pixels + pixel. A function of the stream alone: take another one, random_stream(seed, step), for every step.
/// Published hidden shares: 0.65 (detection), 0.75 (segmentation).
/// @throws argument_error  hidden outside [0, 1]
/// Source: Yang et al. 2022 (MGD), arXiv 2205.01529, eq. 2.
template <class T>
void fill_pixel_masks(double hidden, const random_stream& random, const matrix_view<T>& mask) {
  detail::fill_mask("fill_pixel_masks", hidden, random, mask, [&](double u) { return u <= 1 - hidden; });
}

/// One mask of channels an item, items × channels: a channel is kept where u ≥ hidden. Published hidden share: 0.15
/// (classification).
/// @throws argument_error  hidden outside [0, 1]
/// Source: Yang et al. 2022 (MGD), arXiv 2205.01529, as coded for classification.
template <class T>
void fill_channel_masks(double hidden, const random_stream& random, const matrix_view<T>& mask) {
  detail::fill_mask("fill_channel_masks", hidden, random, mask, [&](double u) { return u >= hidden; });
}

/// to = mask · from, and 0 where the mask is 0 whatever `from` holds there: no 0 · ∞. Also the way back, from slopes to
/// slopes. A mask may be broadcast by a stride of 0: of pixels to all channels {row, channels, pixels, 0, 1}, of
/// channels to all pixels {row, channels, pixels, 1, 0}. `to` may be `from`.
/// @throws argument_error  three shapes that are not the same
template <class T>
void apply_mask(const matrix_view<const std::type_identity_t<T>>& from,
                const matrix_view<const std::type_identity_t<T>>& mask, const matrix_view<T>& to) {
  if (mask.rows != from.rows || mask.columns != from.columns)
    fail("apply_mask: mask is ", mask.rows, " x ", mask.columns, ", the features are ", from.rows, " x ", from.columns);
  if (to.rows != from.rows || to.columns != from.columns)
    fail("apply_mask: the result is ", to.rows, " x ", to.columns, ", the features are ", from.rows, " x ",
         from.columns);
  for (index r = 0; r < from.rows; ++r)
    for (index c = 0; c < from.columns; ++c) to(r, c) = mask(r, c) == 0 ? T(0) : mask(r, c) * from(r, c);
}

DISTILL_NAMESPACE_END
