// Random numbers as a pure function of (seed, stream, counter): no state, so no order of calls or threads matters.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "../config.hpp"
#include "error.hpp"

DISTILL_NAMESPACE_BEGIN

/// A family of random numbers addressed by a 64-bit counter. Two streams of a seed are unrelated. Every function
/// returns the same bits on every platform: integer arithmetic, and floating-point operations that IEEE 754 rounds
/// correctly (products that feed a sum are spelled std::fma, so no compiler may contract them differently).
///
/// bits(n) is the n-th output of SplitMix64 started at a hash of seed and stream; source: G. Steele, D. Lea, C. Flood,
/// "Fast splittable pseudorandom number generators", OOPSLA 2014, with the mixer of D. Stafford ("variant 13").
class random_stream {
 public:
  explicit constexpr random_stream(std::uint64_t seed, std::uint64_t stream = 0)
      : start_(mix(mix(seed + golden_ratio) + stream * golden_ratio)) {}

  /// 64 uniform bits.
  constexpr std::uint64_t bits(std::uint64_t counter) const { return mix(start_ + (counter + 1) * golden_ratio); }

  /// Uniform on [0, 1), a multiple of 2⁻⁵³.
  constexpr double uniform(std::uint64_t counter) const { return to_unit(bits(counter)); }

  /// Uniform on {0, …, count − 1}, without bias (values beyond the last whole multiple of count are drawn again).
  constexpr std::uint64_t below(std::uint64_t count, std::uint64_t counter) const {
    if (count == 0) fail("random_stream::below: count is ", 0, ", at least 1 expected");
    std::uint64_t word = bits(counter);
    const std::uint64_t excess = (~std::uint64_t{0} % count + 1) % count;
    for (std::uint64_t draw = word; word > ~std::uint64_t{0} - excess;) word = mix(draw += golden_ratio);
    return word % count;
  }

  /// Standard normal: u √(−2 ln s / s) with s = u² + v² for a point (u, v) of the unit disc; source: G. Marsaglia,
  /// T. Bray, "A convenient method for generating normal variables", SIAM Review 6 (1964).
  double normal(std::uint64_t counter) const {
    for (std::uint64_t draw = bits(counter);;) {
      const double u = std::fma(2.0, to_unit(mix(draw += golden_ratio)), -1.0);
      const double v = std::fma(2.0, to_unit(mix(draw += golden_ratio)), -1.0);
      const double s = std::fma(u, u, v * v);
      if (s < 1 && s > 0) return u * std::sqrt(-2.0 * natural_log(s) / s);
    }
  }

 private:
  static constexpr std::uint64_t golden_ratio = 0x9e3779b97f4a7c15u;  // 2⁶⁴ / φ, made odd

  static constexpr std::uint64_t mix(std::uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
  }
  static constexpr double to_unit(std::uint64_t word) { return static_cast<double>(word >> 11) * 0x1p-53; }

  /// ln(2ᵉ m) = e ln 2 + 2 artanh((m − 1)/(m + 1)), m in [√½, √2); within 2e-16 of the value. The C library's log
  /// differs between platforms.
  static double natural_log(double x) {
    int exponent = 0;
    double m = std::frexp(x, &exponent);
    if (m < 0.70710678118654752) {
      m *= 2;
      --exponent;
    }
    const double f = (m - 1) / (m + 1);
    const double f2 = f * f;
    double series = 1.0 / 23;
    for (int odd = 21; odd >= 1; odd -= 2) series = std::fma(series, f2, 1.0 / odd);
    return std::fma(static_cast<double>(exponent), 0.69314718055994531, 2 * (f * series));
  }

  std::uint64_t start_;
};

/// Permutes `values` uniformly (Fisher–Yates); draws counters 1 … size − 1 of the stream.
template <class Value>
void shuffle(std::span<Value> values, const random_stream& random) {
  for (std::size_t last = values.size(); last-- > 1;)
    std::swap(values[last], values[static_cast<std::size_t>(random.below(last + 1, last))]);
}

DISTILL_NAMESPACE_END
