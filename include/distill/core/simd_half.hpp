// 16-bit numbers by the batch: how each instruction set reads, rounds and writes them.
#pragma once

#include <cstdint>
#include <cstring>

#include "../config.hpp"
#include "buffer.hpp"
#include "half.hpp"
#include "matrix_view.hpp"
#include "simd.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// Two batches of floats. Rounded to 16 bits they make one batch, packed_pair: the unit in which 16-bit numbers are
/// read and written.
struct float_pair {
  simd<float> low, high;
};
inline constexpr index pair_size = 2 * static_cast<index>(simd<float>::size);

/// `pack` rounds. The processors' own conversion to bfloat16 would not do: it flushes subnormal numbers.
#if defined(__AVX512BW__)

using packed_pair = __m512i;
DISTILL_INLINE packed_pair load_packed(const void* p) { return _mm512_loadu_si512(p); }
/// The first `count` < pair_size numbers; zeros beyond.
DISTILL_INLINE packed_pair load_packed_partial(const void* p, index count) {
  return _mm512_maskz_loadu_epi16((1u << count) - 1, p);
}
DISTILL_INLINE void store_packed(void* p, packed_pair bits) { _mm512_storeu_si512(p, bits); }
DISTILL_INLINE void store_packed_partial(void* p, index count, packed_pair bits) {
  _mm512_mask_storeu_epi16(p, (1u << count) - 1, bits);
}
DISTILL_INLINE void store_packed_stream(void* p, packed_pair bits) {
  _mm512_stream_si512(static_cast<__m512i*>(p), bits);
}
DISTILL_INLINE float_pair unpack(packed_pair bits, bfloat16) {
  const auto widened = [](__m256i x) DISTILL_LAMBDA_INLINE {
    return simd<float>(_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16)));
  };
  return {widened(_mm512_castsi512_si256(bits)), widened(_mm512_extracti64x4_epi64(bits, 1))};
}
DISTILL_INLINE float_pair unpack(packed_pair bits, half) {
  return {simd<float>(_mm512_cvtph_ps(_mm512_castsi512_si256(bits))),
          simd<float>(_mm512_cvtph_ps(_mm512_extracti64x4_epi64(bits, 1)))};
}
DISTILL_INLINE packed_pair pack(float_pair v, bfloat16) {
  const auto rounded = [](__m512 x) DISTILL_LAMBDA_INLINE {
    const __m512i bits = _mm512_castps_si512(x), below_half = _mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff));
    const __mmask16 odd = _mm512_test_epi32_mask(bits, _mm512_set1_epi32(0x10000));
    const __m512i up = _mm512_mask_add_epi32(below_half, odd, below_half, _mm512_set1_epi32(1));
    const __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    return _mm512_mask_or_epi32(up, nan, bits, _mm512_set1_epi32(0x00400000));
  };
  alignas(cache_line) static constexpr std::uint16_t upper[] = {1,  3,  5,  7,  9,  11, 13, 15, 17, 19, 21,
                                                                23, 25, 27, 29, 31, 33, 35, 37, 39, 41, 43,
                                                                45, 47, 49, 51, 53, 55, 57, 59, 61, 63};
  return _mm512_permutex2var_epi16(rounded(v.low), _mm512_load_si512(upper), rounded(v.high));
}
DISTILL_INLINE packed_pair pack(float_pair v, half) {
  return _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtps_ph(v.low, _MM_FROUND_TO_NEAREST_INT)),
                            _mm512_cvtps_ph(v.high, _MM_FROUND_TO_NEAREST_INT), 1);
}

#else

#if defined(__AVX2__) && defined(__F16C__) && !defined(__AVX512F__)

using packed_pair = __m256i;
DISTILL_INLINE packed_pair load_packed(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
DISTILL_INLINE void store_packed(void* p, packed_pair bits) { _mm256_storeu_si256(static_cast<__m256i*>(p), bits); }
DISTILL_INLINE void store_packed_stream(void* p, packed_pair bits) {
  _mm256_stream_si256(static_cast<__m256i*>(p), bits);
}
DISTILL_INLINE float_pair unpack(packed_pair bits, bfloat16) {
  const auto widened = [](__m128i x) DISTILL_LAMBDA_INLINE {
    return simd<float>(_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(x), 16)));
  };
  return {widened(_mm256_castsi256_si128(bits)), widened(_mm256_extracti128_si256(bits, 1))};
}
DISTILL_INLINE float_pair unpack(packed_pair bits, half) {
  return {simd<float>(_mm256_cvtph_ps(_mm256_castsi256_si128(bits))),
          simd<float>(_mm256_cvtph_ps(_mm256_extracti128_si256(bits, 1)))};
}
DISTILL_INLINE packed_pair pack(float_pair v, bfloat16) {
  const auto rounded = [](__m256 x) DISTILL_LAMBDA_INLINE {
    const __m256i bits = _mm256_castps_si256(x), odd = _mm256_srli_epi32(_mm256_slli_epi32(bits, 15), 31);
    const __m256i up = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
    const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x00400000));
    const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
    return _mm256_srai_epi32(_mm256_blendv_epi8(up, quiet, nan), 16);
  };
  return _mm256_permute4x64_epi64(_mm256_packs_epi32(rounded(v.low), rounded(v.high)), 0xd8);
}
DISTILL_INLINE packed_pair pack(float_pair v, half) {
  return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm256_cvtps_ph(v.low, _MM_FROUND_TO_NEAREST_INT)),
                                 _mm256_cvtps_ph(v.high, _MM_FROUND_TO_NEAREST_INT), 1);
}

#else

struct packed_pair {
  std::uint16_t words[pair_size];
};
DISTILL_INLINE packed_pair load_packed(const void* p) {
  packed_pair bits;
  std::memcpy(&bits, p, sizeof bits);
  return bits;
}
DISTILL_INLINE void store_packed(void* p, const packed_pair& bits) { std::memcpy(p, &bits, sizeof bits); }
DISTILL_INLINE void store_packed_stream(void* p, const packed_pair& bits) { store_packed(p, bits); }
template <class Packed>
DISTILL_INLINE float_pair unpack(const packed_pair& bits, Packed) {
  alignas(cache_line) float lanes[pair_size];
  for (index i = 0; i < pair_size; ++i) lanes[i] = static_cast<float>(Packed::from_bits(bits.words[i]));
  return {simd<float>::load_aligned(lanes), simd<float>::load_aligned(lanes + pair_size / 2)};
}
template <class Packed>
DISTILL_INLINE packed_pair pack(float_pair v, Packed) {
  alignas(cache_line) float lanes[pair_size];
  v.low.store_aligned(lanes);
  v.high.store_aligned(lanes + pair_size / 2);
  packed_pair bits;
  for (index i = 0; i < pair_size; ++i) bits.words[i] = Packed(lanes[i]).bits();
  return bits;
}

#endif

DISTILL_INLINE packed_pair load_packed_partial(const void* p, index count) {
  std::uint16_t words[pair_size] = {};
  std::memcpy(words, p, static_cast<std::size_t>(count) * sizeof *words);
  return load_packed(words);
}
DISTILL_INLINE void store_packed_partial(void* p, index count, const packed_pair& bits) {
  std::uint16_t words[pair_size];
  store_packed(words, bits);
  std::memcpy(p, words, static_cast<std::size_t>(count) * sizeof *words);
}

#endif

}  // namespace detail
DISTILL_NAMESPACE_END
