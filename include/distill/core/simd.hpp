// With simd_half.hpp the only header that names xsimd or an intrinsic: differences between xsimd versions and
// instruction sets end here.
#pragma once

#include <algorithm>
#include <type_traits>
#include <xsimd/xsimd.hpp>

#include "../config.hpp"
#include "buffer.hpp"
#include "dual.hpp"
#include "lane.hpp"
#include "matrix_view.hpp"

// On NEON xsimd 8 multiplies by an estimate of 1/b, some ULP off, as 32-bit processors had to.
#if defined(__aarch64__) && XSIMD_WITH_NEON64 && XSIMD_VERSION_MAJOR < 9
template <>
inline xsimd::batch<float>& xsimd::batch<float>::operator/=(const xsimd::batch<float>& divisor) noexcept {
  return *this = vdivq_f32(*this, divisor);
}
#endif

DISTILL_NAMESPACE_BEGIN

/// The widest batch of T (float or double) that the flags of the including translation unit allow; of a dual number a
/// batch of one, itself.
template <class T>
using simd = std::conditional_t<is_dual<T>, T, xsimd::batch<T>>;

/// How many batches the registers hold.
#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr int simd_registers = 32;
#else
inline constexpr int simd_registers = 16;
#endif

template <class T, class A>
struct lane<xsimd::batch<T, A>> {
  using scalar = T;
  using batch = xsimd::batch<T, A>;
  using mask = xsimd::batch_bool<T, A>;
  using bits = xsimd::batch<typename lane<T>::bits, A>;
  static constexpr int width = static_cast<int>(batch::size);
  static constexpr int mantissa_bits = lane<T>::mantissa_bits;
  static constexpr int exponent_bias = lane<T>::exponent_bias;

  DISTILL_INLINE static batch select(mask condition, batch yes, batch no) { return xsimd::select(condition, yes, no); }
  DISTILL_INLINE static batch fma(batch a, batch b, batch c) {
#if defined(__AVX512F__) && defined(__clang__)  // xsimd 8.1 writes a * b + c there, which g++ fuses and clang does not
    if constexpr (std::is_same_v<T, float>)
      return _mm512_fmadd_ps(a, b, c);
    else
      return _mm512_fmadd_pd(a, b, c);
#else
    return xsimd::fma(a, b, c);
#endif
  }
  DISTILL_INLINE static batch abs(batch a) { return xsimd::abs(a); }
  DISTILL_INLINE static batch sqrt(batch a) { return xsimd::sqrt(a); }
  DISTILL_INLINE static batch max(batch a, batch b) { return xsimd::max(a, b); }
  DISTILL_INLINE static batch scaled(mask vanishes, batch fraction, [[maybe_unused]] batch n,
                                     [[maybe_unused]] batch biased) {
#if defined(__AVX512F__)  // one instruction for two
    if constexpr (std::is_same_v<T, float>)
      return _mm512_maskz_scalef_ps(static_cast<__mmask16>(~vanishes.data), fraction, n);
    else
      return _mm512_maskz_scalef_pd(static_cast<__mmask8>(~vanishes.data), fraction, n);
#else
    return select(vanishes, batch(T(0)), fraction * from_bits(to_bits(biased) << mantissa_bits));
#endif
  }
#if XSIMD_VERSION_MAJOR >= 11
  DISTILL_INLINE static bits to_bits(batch a) { return xsimd::bitwise_cast<typename lane<T>::bits>(a); }
  DISTILL_INLINE static batch from_bits(bits a) { return xsimd::bitwise_cast<T>(a); }
#else
  DISTILL_INLINE static bits to_bits(batch a) { return xsimd::bitwise_cast<bits>(a); }
  DISTILL_INLINE static batch from_bits(bits a) { return xsimd::bitwise_cast<batch>(a); }
#endif
};

namespace detail {

/// The first `count` < width elements at p; `fill` in the other lanes. Reads nothing beyond them.
template <class T>
DISTILL_INLINE simd<T> load_partial(const T* p, index count, std::type_identity_t<T> fill) {
#if defined(__AVX512F__)
  if constexpr (is_dual<T>)
    return count > 0 ? *p : fill;
  else if constexpr (std::is_same_v<T, float>)
    return _mm512_mask_loadu_ps(_mm512_set1_ps(fill), static_cast<__mmask16>((1u << count) - 1), p);
  else
    return _mm512_mask_loadu_pd(_mm512_set1_pd(fill), static_cast<__mmask8>((1u << count) - 1), p);
#else
  alignas(cache_line) T lanes[simd<T>::size];
  for (index i = 0; i < static_cast<index>(simd<T>::size); ++i) lanes[i] = i < count ? p[i] : fill;
  return simd<T>::load_aligned(lanes);
#endif
}

/// Writes the first `count` < width lanes to p.
template <class T>
DISTILL_INLINE void store_partial(T* p, index count, simd<T> v) {
#if defined(__AVX512F__)
  if constexpr (is_dual<T>) {
    if (count > 0) *p = v;
  } else if constexpr (std::is_same_v<T, float>)
    _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << count) - 1), v);
  else
    _mm512_mask_storeu_pd(p, static_cast<__mmask8>((1u << count) - 1), v);
#else
  alignas(cache_line) T lanes[simd<T>::size];
  v.store_aligned(lanes);
  for (index i = 0; i < count; ++i) p[i] = lanes[i];
#endif
}

/// Writes past the caches; p lies on a boundary of the batch's size. xsimd 8.1 has no streaming store.
template <class T>
DISTILL_INLINE void store_stream(T* p, simd<T> v) {
  if constexpr (is_dual<T>) return v.store_aligned(p);
#if defined(__AVX512F__)
  else if constexpr (std::is_same_v<T, float>)
    _mm512_stream_ps(p, v);
  else
    _mm512_stream_pd(p, v);
#elif defined(__AVX__)
  else if constexpr (std::is_same_v<T, float>)
    _mm256_stream_ps(p, v);
  else
    _mm256_stream_pd(p, v);
#elif defined(__SSE2__)
  else if constexpr (std::is_same_v<T, float>)
    _mm_stream_ps(p, v);
  else
    _mm_stream_pd(p, v);
#else
  else
    v.store_aligned(p);
#endif
}

/// Streaming stores are weakly ordered: needed once before another thread may read what they wrote.
inline void stream_fence() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

/// Asks for the line at p; harmless for any address. (Measured: asking for the first-level cache beats the second by 5
/// %.)
DISTILL_INLINE void prefetch(const void* p) {
#if defined(__GNUC__) || defined(__clang__)
  __builtin_prefetch(p, 0, 3);
#else
  (void)p;
#endif
}

/// to[j][i] = from[i][j] of 4 × 4 elements; the strides are those from one line of four to the next.
template <class T>
DISTILL_INLINE void transpose_4x4(const T* from, index from_stride, T* to, index to_stride) {
#if defined(__AVX__)
  if constexpr (std::is_same_v<T, double>) {
    const __m256d a = _mm256_loadu_pd(from), b = _mm256_loadu_pd(from + from_stride);
    const __m256d c = _mm256_loadu_pd(from + 2 * from_stride), d = _mm256_loadu_pd(from + 3 * from_stride);
    const __m256d ab0 = _mm256_unpacklo_pd(a, b), ab1 = _mm256_unpackhi_pd(a, b);
    const __m256d cd0 = _mm256_unpacklo_pd(c, d), cd1 = _mm256_unpackhi_pd(c, d);
    _mm256_storeu_pd(to, _mm256_permute2f128_pd(ab0, cd0, 0x20));
    _mm256_storeu_pd(to + to_stride, _mm256_permute2f128_pd(ab1, cd1, 0x20));
    _mm256_storeu_pd(to + 2 * to_stride, _mm256_permute2f128_pd(ab0, cd0, 0x31));
    _mm256_storeu_pd(to + 3 * to_stride, _mm256_permute2f128_pd(ab1, cd1, 0x31));
    return;
  }
#endif
#if defined(__SSE2__)
  if constexpr (std::is_same_v<T, float>) {
    __m128 a = _mm_loadu_ps(from), b = _mm_loadu_ps(from + from_stride);
    __m128 c = _mm_loadu_ps(from + 2 * from_stride), d = _mm_loadu_ps(from + 3 * from_stride);
    _MM_TRANSPOSE4_PS(a, b, c, d);
    _mm_storeu_ps(to, a);
    _mm_storeu_ps(to + to_stride, b);
    _mm_storeu_ps(to + 2 * to_stride, c);
    _mm_storeu_ps(to + 3 * to_stride, d);
    return;
  }
#endif
  for (index i = 0; i < 4; ++i)
    for (index j = 0; j < 4; ++j) to[j * to_stride + i] = from[i * from_stride + j];
}

/// even, odd = the elements of both batches, one after the other, at even and at odd positions.
template <class T>
DISTILL_INLINE void deinterleave(simd<T> first, simd<T> second, simd<T>& even, simd<T>& odd) {
#if defined(__AVX512F__)
  if constexpr (std::is_same_v<T, float>) {
    const __m512i evens = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    even = _mm512_permutex2var_ps(first, evens, second);
    odd = _mm512_permutex2var_ps(first, _mm512_add_epi32(evens, _mm512_set1_epi32(1)), second);
  } else {
    const __m512i evens = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
    even = _mm512_permutex2var_pd(first, evens, second);
    odd = _mm512_permutex2var_pd(first, _mm512_add_epi64(evens, _mm512_set1_epi64(1)), second);
  }
#else
  constexpr std::size_t n = simd<T>::size;
  alignas(cache_line) T both[2 * n], apart[2 * n];
  first.store_aligned(both);
  second.store_aligned(both + n);
  for (std::size_t i = 0; i < n; ++i) apart[i] = both[2 * i], apart[n + i] = both[2 * i + 1];
  even = simd<T>::load_aligned(apart);
  odd = simd<T>::load_aligned(apart + n);
#endif
}

/// The way back: first, second = even₀ odd₀ even₁ odd₁ …
template <class T>
DISTILL_INLINE void interleave(simd<T> even, simd<T> odd, simd<T>& first, simd<T>& second) {
#if defined(__AVX512F__)
  if constexpr (std::is_same_v<T, float>) {
    const __m512i low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    first = _mm512_permutex2var_ps(even, low, odd);
    second = _mm512_permutex2var_ps(even, _mm512_add_epi32(low, _mm512_set1_epi32(8)), odd);
  } else {
    const __m512i low = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
    first = _mm512_permutex2var_pd(even, low, odd);
    second = _mm512_permutex2var_pd(even, _mm512_add_epi64(low, _mm512_set1_epi64(4)), odd);
  }
#else
  constexpr std::size_t n = simd<T>::size;
  alignas(cache_line) T both[2 * n], apart[2 * n];
  even.store_aligned(apart);
  odd.store_aligned(apart + n);
  for (std::size_t i = 0; i < n; ++i) both[2 * i] = apart[i], both[2 * i + 1] = apart[n + i];
  first = simd<T>::load_aligned(both);
  second = simd<T>::load_aligned(both + n);
#endif
}

/// rows[j][i] = rows[i][j] of a square of batches.
template <class T>
DISTILL_INLINE void transpose_square(simd<T> (&rows)[simd<T>::size]) {
#if defined(__AVX512F__)
  if constexpr (std::is_same_v<T, float>) {
    __m512 pairs[16], fours[16];  // runs of two and of four rows, side by side in each 128 bits
    for (int i = 0; i < 16; i += 2) {
      pairs[i] = _mm512_unpacklo_ps(rows[i], rows[i + 1]);
      pairs[i + 1] = _mm512_unpackhi_ps(rows[i], rows[i + 1]);
    }
    for (int i = 0; i < 16; i += 4)
      for (int j = 0; j < 2; ++j) {
        const __m512d a = _mm512_castps_pd(pairs[i + j]), b = _mm512_castps_pd(pairs[i + 2 + j]);
        fours[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
        fours[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
      }
    for (int j = 0; j < 4; ++j) {
      const __m512 a = _mm512_shuffle_f32x4(fours[j], fours[4 + j], 0x88);
      const __m512 b = _mm512_shuffle_f32x4(fours[j], fours[4 + j], 0xdd);
      const __m512 c = _mm512_shuffle_f32x4(fours[8 + j], fours[12 + j], 0x88);
      const __m512 d = _mm512_shuffle_f32x4(fours[8 + j], fours[12 + j], 0xdd);
      rows[j] = _mm512_shuffle_f32x4(a, c, 0x88);
      rows[8 + j] = _mm512_shuffle_f32x4(a, c, 0xdd);
      rows[4 + j] = _mm512_shuffle_f32x4(b, d, 0x88);
      rows[12 + j] = _mm512_shuffle_f32x4(b, d, 0xdd);
    }
    return;
  }
#endif
  constexpr std::size_t n = simd<T>::size;
  alignas(cache_line) T lanes[n * n], turned[n * n];
  for (std::size_t i = 0; i < n; ++i) rows[i].store_aligned(lanes + i * n);
  if constexpr (n % 4 == 0) {
    for (std::size_t i = 0; i < n; i += 4)
      for (std::size_t j = 0; j < n; j += 4)
        transpose_4x4(lanes + i * n + j, static_cast<index>(n), turned + j * n + i, static_cast<index>(n));
  } else {
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) turned[j * n + i] = lanes[i * n + j];
  }
  for (std::size_t i = 0; i < n; ++i) rows[i] = simd<T>::load_aligned(turned + i * n);
}

/// The largest lane. NaN lanes may be passed over: sums of exponentials, not maxima, carry NaN.
template <class T>
DISTILL_INLINE T reduce_max(simd<T> v) {
#if defined(__AVX512F__)
  if constexpr (is_dual<T>)
    return v;
  else if constexpr (std::is_same_v<T, float>)
    return _mm512_reduce_max_ps(v);
  else
    return _mm512_reduce_max_pd(v);
#else
  constexpr std::size_t n = simd<T>::size;
  alignas(cache_line) T lanes[n];
  v.store_aligned(lanes);
  for (std::size_t half = n / 2; half > 0; half /= 2)
    for (std::size_t i = 0; i < half; ++i) lanes[i] = std::max(lanes[i], lanes[i + half]);
  return lanes[0];
#endif
}

/// The sum of the lanes in double, by a fixed tree: the rounding of the last additions must not depend on T.
template <class T>
DISTILL_INLINE wide<T> reduce_sum(simd<T> v) {
#if defined(__AVX512F__) && defined(__AVX512DQ__)
  if constexpr (is_dual<T>) {
    return static_cast<wide<T>>(v);
  } else if constexpr (std::is_same_v<T, float>) {
    const __m512 f = v;
    const __m512d low = _mm512_cvtps_pd(_mm512_castps512_ps256(f));
    const __m512d high = _mm512_cvtps_pd(_mm512_extractf32x8_ps(f, 1));
    return _mm512_reduce_add_pd(_mm512_add_pd(low, high));
  } else {
    return _mm512_reduce_add_pd(v);
  }
#else
  constexpr std::size_t n = simd<T>::size;
  alignas(cache_line) T stored[n];
  v.store_aligned(stored);
  wide<T> lanes[n];
  for (std::size_t i = 0; i < n; ++i) lanes[i] = static_cast<wide<T>>(stored[i]);
  for (std::size_t half = n / 2; half > 0; half /= 2)
    for (std::size_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  return lanes[0];
#endif
}

}  // namespace detail

DISTILL_NAMESPACE_END
