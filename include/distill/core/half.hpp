// 16-bit floating-point storage. Nothing is computed in these types: numbers are widened to float on the way in and
// rounded once on the way out.
#pragma once

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstdint>
#include <limits>

#include "../config.hpp"

DISTILL_NAMESPACE_BEGIN

/// A sign, `ExponentBits` bits of exponent and the rest of mantissa, in two bytes and as IEEE 754 lays them out. An
/// array of any other library's 16-bit numbers of the same format may be viewed as an array of these.
template <int ExponentBits>
class packed_float {
 public:
  static constexpr int mantissa_bits = 15 - ExponentBits;
  static constexpr int bias = (1 << (ExponentBits - 1)) - 1;
  static constexpr std::uint16_t infinity_bits = ((1u << ExponentBits) - 1u) << mantissa_bits;

  packed_float() = default;
  /// The nearest number, of two equally near ones the even one; beyond the largest an infinity; NaN for NaN.
  template <std::same_as<float> Float>  // from nothing else: a double would be rounded twice
  constexpr explicit packed_float(Float x) : bits_(round(std::bit_cast<std::uint32_t>(x))) {}
  static constexpr packed_float from_bits(std::uint16_t bits) {
    packed_float result;
    result.bits_ = bits;
    return result;
  }

  /// Exact.
  constexpr explicit operator float() const {
    const std::uint32_t sign = (bits_ & 0x8000u) << 16, magnitude = bits_ & 0x7fffu;
    std::uint32_t wide = (magnitude << dropped) + rebias;
    if constexpr (rebias > 0) {
      if (magnitude < 1u << mantissa_bits)  // subnormal, or 0
        wide = std::bit_cast<std::uint32_t>(static_cast<float>(magnitude) * std::bit_cast<float>(smallest_bits));
      if (magnitude >= infinity_bits) wide = float_infinity | (magnitude << dropped);
    }
    return std::bit_cast<float>(sign | wide);
  }
  constexpr std::uint16_t bits() const { return bits_; }

 private:
  static constexpr int dropped = 23 - mantissa_bits;  // mantissa bits that float has more
  static constexpr std::uint32_t rebias = (127u - bias) << 23;
  static constexpr std::uint32_t smallest_bits = (128u - bias - mantissa_bits) << 23;  // the smallest subnormal
  static constexpr std::uint32_t float_infinity = 0x7f800000u, quiet = 0x00400000u;

  static constexpr std::uint16_t round(std::uint32_t x) {
    const std::uint32_t sign = (x >> 16) & 0x8000u, magnitude = x & 0x7fffffffu;
    if (magnitude > float_infinity)
      return static_cast<std::uint16_t>(sign | ((magnitude | quiet) >> dropped & 0x7fffu) | infinity_bits);
    const std::uint32_t half_way = (1u << (dropped - 1)) - 1, odd = (magnitude >> dropped) & 1;
    std::uint32_t result = std::min<std::uint32_t>((magnitude - rebias + half_way + odd) >> dropped, infinity_bits);
    if constexpr (rebias > 0)
      if (magnitude < rebias + (1u << 23)) {  // added to 2^23 times the smallest subnormal, a float is rounded to it
        constexpr std::uint32_t anchor = smallest_bits + (23u << 23);
        result = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + std::bit_cast<float>(anchor)) - anchor;
      }
    return static_cast<std::uint16_t>(sign | result);
  }

  std::uint16_t bits_;
};

/// IEEE 754 binary16: 11 significant bits, up to 65504.
using half = packed_float<5>;
/// The upper half of a float: 8 significant bits and float's range.
using bfloat16 = packed_float<8>;

DISTILL_NAMESPACE_END

template <int ExponentBits>
class std::numeric_limits<distill::packed_float<ExponentBits>> {
  using number = distill::packed_float<ExponentBits>;

 public:
  static constexpr bool is_specialized = true, is_signed = true, is_integer = false, is_exact = false, is_iec559 = true,
                        is_bounded = true, is_modulo = false, has_infinity = true, has_quiet_NaN = true,
                        has_signaling_NaN = false;
  static constexpr int radix = 2, digits = number::mantissa_bits + 1, max_exponent = number::bias + 1,
                       min_exponent = 2 - number::bias;
  static constexpr std::float_round_style round_style = std::round_to_nearest;

  static constexpr number min() { return number::from_bits(1u << number::mantissa_bits); }
  static constexpr number max() { return number::from_bits(number::infinity_bits - 1); }
  static constexpr number lowest() { return number::from_bits(0x8000u | (number::infinity_bits - 1)); }
  static constexpr number denorm_min() { return number::from_bits(1); }
  static constexpr number infinity() { return number::from_bits(number::infinity_bits); }
  static constexpr number quiet_NaN() {
    return number::from_bits(number::infinity_bits | (1u << (number::mantissa_bits - 1)));
  }
  /// The distance from 1 to the next number.
  static constexpr number epsilon() {
    return number::from_bits(
        static_cast<std::uint16_t>((number::bias - number::mantissa_bits) << number::mantissa_bits));
  }
};
