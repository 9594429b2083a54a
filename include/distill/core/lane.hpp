// What the mathematics may do to a number: the same formula runs on a float, a SIMD batch, or a dual number.
#pragma once

#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>

#include "../config.hpp"

DISTILL_NAMESPACE_BEGIN

/// The operations of a lane type V besides + - * / and comparisons. A trait rather than overloads: it is found at the
/// point of definition by every compiler, whatever the element type. Specialised here for float and double, in simd.hpp
/// for batches, in dual.hpp for dual numbers.
template <class V>
struct lane;

namespace detail {

template <class T, class Unsigned, int MantissaBits, int ExponentBias>
struct scalar_lane {
  using scalar = T;
  using mask = bool;
  using bits = Unsigned;
  static constexpr int width = 1;
  static constexpr int mantissa_bits = MantissaBits;
  static constexpr int exponent_bias = ExponentBias;

  DISTILL_HD static T select(bool condition, T yes, T no) { return condition ? yes : no; }
  DISTILL_HD static T fma(T a, T b, T c) {
#if defined(__FMA__) || defined(__CUDA_ARCH__) || defined(__ARM_FEATURE_FMA)
    return std::fma(a, b, c);
#else
    return a * b + c;  // a library call would be slower than the loop around it
#endif
  }
  DISTILL_HD static T abs(T a) { return std::abs(a); }
  DISTILL_HD static T sqrt(T a) { return std::sqrt(a); }
  DISTILL_HD static T max(T a, T b) { return a < b ? b : a; }
  /// vanishes ? 0 : fraction · 2^n, for normal results; `biased` is n plus the exponent bias in its last bits.
  DISTILL_HD static T scaled(bool vanishes, T fraction, T /*n*/, T biased) {
    return vanishes ? T(0) : fraction * from_bits(to_bits(biased) << MantissaBits);
  }
  DISTILL_HD static Unsigned to_bits(T a) { return std::bit_cast<Unsigned>(a); }
  DISTILL_HD static T from_bits(Unsigned a) { return std::bit_cast<T>(a); }
};

}  // namespace detail

template <>
struct lane<float> : detail::scalar_lane<float, std::uint32_t, 23, 127> {};
template <>
struct lane<double> : detail::scalar_lane<double, std::uint64_t, 52, 1023> {};

/// The scalar behind a lane type: float for batch<float>.
template <class V>
using lane_scalar = typename lane<V>::scalar;

namespace detail {

/// One condition or the other, both: masks of a batch know | and &, of which compilers warn between two bools.
template <class Mask>
DISTILL_INLINE Mask either(const Mask& a, const Mask& b) {
  if constexpr (std::same_as<Mask, bool>)
    return a || b;
  else
    return a | b;
}
template <class Mask>
DISTILL_INLINE Mask both(const Mask& a, const Mask& b) {
  if constexpr (std::same_as<Mask, bool>)
    return a && b;
  else
    return a & b;
}

}  // namespace detail

/// What an objective's formula may be instantiated with.
template <class V>
concept lane_type = requires(V a, V b) {
  a + b;
  a - b;
  a* b;
  a / b;
  V(lane_scalar<V>(1));
  { lane<V>::select(a < b, a, b) } -> std::same_as<V>;
  { lane<V>::fma(a, b, a) } -> std::same_as<V>;
  { lane<V>::abs(a) } -> std::same_as<V>;
  { lane<V>::sqrt(a) } -> std::same_as<V>;
};

DISTILL_NAMESPACE_END
