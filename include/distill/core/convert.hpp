// Runs of 16-bit numbers to floats and back.
#pragma once

#include <algorithm>
#include <cstdint>

#include "../config.hpp"
#include "half.hpp"
#include "matrix_view.hpp"
#include "simd_half.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

inline constexpr index pair_half = pair_size / 2;

/// The first `count` <= pair_size floats at p; zeros beyond.
DISTILL_INLINE float_pair load_floats(const float* p, index count) {
  if (count == pair_size) return {simd<float>::load_unaligned(p), simd<float>::load_unaligned(p + pair_half)};
  if (count < pair_half) return {load_partial(p, count, 0.0f), simd<float>(0.0f)};
  return {simd<float>::load_unaligned(p), load_partial(p + pair_half, count - pair_half, 0.0f)};
}
DISTILL_INLINE void store_floats(float* p, index count, float_pair v) {
  if (count < pair_half) return store_partial<float>(p, count, v.low);
  v.low.store_unaligned(p);
  if (count == pair_size)
    v.high.store_unaligned(p + pair_half);
  else
    store_partial<float>(p + pair_half, count - pair_half, v.high);
}

/// Calls step(i, numbers there are from i on, at most pair_size) along a run.
template <class Step>
DISTILL_INLINE void each_pair(index count, const Step& step) {
  index i = 0;
  for (; i + pair_size <= count; i += pair_size) step(i, pair_size);
  if (i < count) step(i, count - i);
}

template <int E>
DISTILL_INLINE float_pair load_wide(const packed_float<E>* p, index count) {
  return unpack(count == pair_size ? load_packed(p) : load_packed_partial(p, count), packed_float<E>());
}
template <int E>
DISTILL_INLINE void store_narrow(packed_float<E>* p, index count, float_pair v) {
  const packed_pair bits = pack(v, packed_float<E>());
  if (count == pair_size)
    store_packed(p, bits);
  else
    store_packed_partial(p, count, bits);
}

}  // namespace detail

/// to[i] = from[i] for i in [0, count), exactly. The two must not overlap.
template <int E>
void widen(const packed_float<E>* from, index count, float* to) {
  detail::each_pair(count, [&](index i, index n) DISTILL_LAMBDA_INLINE {
    detail::store_floats(to + i, n, detail::load_wide(from + i, n));
  });
}

/// to[i] = from[i] rounded to nearest even, for i in [0, count). The two must not overlap.
template <int E>
void narrow(const float* from, index count, packed_float<E>* to) {
  detail::each_pair(count, [&](index i, index n) DISTILL_LAMBDA_INLINE {
    detail::store_narrow(to + i, n, detail::load_floats(from + i, n));
  });
}

/// to[i] += from[i]: the sum in float, rounded once.
template <int E>
void narrow_onto(const float* from, index count, packed_float<E>* to) {
  detail::each_pair(count, [&](index i, index n) DISTILL_LAMBDA_INLINE {
    const detail::float_pair a = detail::load_wide(to + i, n), b = detail::load_floats(from + i, n);
    detail::store_narrow(to + i, n, {a.low + b.low, a.high + b.high});
  });
}

/// narrow() past the caches, for what nobody will look for there. Weakly ordered: detail::stream_fence() comes after.
template <int E>
void narrow_stream(const float* from, index count, packed_float<E>* to) {
  constexpr index size = static_cast<index>(sizeof(packed_float<E>)), line = detail::pair_size * size;
  const auto beyond = static_cast<index>(reinterpret_cast<std::uintptr_t>(to) % static_cast<std::uintptr_t>(line));
  const index first = std::min(count, (line - beyond) % line / size);
  const index whole = (count - first) / detail::pair_size * detail::pair_size;
  narrow(from, first, to);
  detail::each_pair(whole, [&](index i, index n) DISTILL_LAMBDA_INLINE {
    const detail::float_pair v = detail::load_floats(from + first + i, n);
    detail::store_packed_stream(to + first + i, detail::pack(v, packed_float<E>()));
  });
  narrow(from + first + whole, count - first - whole, to + first + whole);
}

DISTILL_NAMESPACE_END
