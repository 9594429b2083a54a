// Which elements are left out by chance.
#pragma once

#include <algorithm>
#include <cstdint>

#include "../../config.hpp"
#include "../../core/random.hpp"
#include "pieces.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn::detail {

/// The factors of the elements: 0 with probability p, 1/(1 − p) otherwise, from 32 bits each: element i reads half i
/// mod 2 of word i/2 of the stream.
struct drop_mask {
  random_stream random;
  std::uint64_t below;  // 2³² p: words below it are left out
  double kept;

  drop_mask(double probability, const random_stream& random_)
      : random(random_),
        below(static_cast<std::uint64_t>(probability * 4294967296.0 + 0.5)),
        kept(1 / (1 - probability)) {}

  /// to = from ⊙ mask, or to += that, for `size` elements from an even element `first` on; to and from point to it.
  template <class T>
  void apply(const T* from, index first, index size, T* to, bool add) const {
    constexpr index run = 128;
    const T both[2] = {static_cast<T>(kept), T(0)};  // looked up: chance is what no branch predicts
    T factors[run];
    for (index start = 0; start < size; start += run) {
      const index count = std::min(run, size - start);
      for (index i = 0; i < count; i += 2) {  // of an odd count one too many
        const std::uint64_t word = random.bits(static_cast<std::uint64_t>((first + start + i) / 2));
        factors[i] = both[(word & 0xffffffffu) < below];
        factors[i + 1] = both[(word >> 32) < below];
      }
      const T* const factor = factors;
      write_or_add(
          count, add, [](const simd<T>& x, const simd<T>& f) DISTILL_LAMBDA_INLINE { return x * f; }, to + start,
          from + start, factor);
    }
  }
};

}  // namespace nn::detail
DISTILL_NAMESPACE_END
