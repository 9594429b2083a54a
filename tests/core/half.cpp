// 16-bit numbers: every pattern widened, every rounding boundary narrowed, one by one and in SIMD runs.
#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include <distill/core/convert.hpp>
#include <distill/core/half.hpp>
#include <distill/core/random.hpp>

namespace {

using distill::bfloat16;
using distill::half;

/// What the bits mean, from the definition.
template <class H>
double meaning(std::uint16_t bits) {
  const int m = H::mantissa_bits, exponent = (bits & 0x7fff) >> m, fraction = bits & ((1 << m) - 1);
  const double sign = bits & 0x8000 ? -1 : 1;
  if (exponent == (1 << (15 - m)) - 1) return fraction ? std::nan("") : sign * INFINITY;
  if (exponent == 0) return sign * std::ldexp(fraction, 1 - H::bias - m);
  return sign * std::ldexp((1 << m) + fraction, exponent - H::bias - m);
}

/// The bits of the nearest number to |x|, found among all of them. Infinity counts as the number after the largest.
template <class H>
std::uint16_t nearest_magnitude(float x) {
  static const std::vector<double> all = [] {
    std::vector<double> values;
    for (std::uint16_t b = 0; b < H::infinity_bits; ++b) values.push_back(meaning<H>(b));
    values.push_back(std::ldexp(1.0, H::bias + 1));
    return values;
  }();
  const double magnitude = std::abs(static_cast<double>(x));
  const auto above = std::lower_bound(all.begin(), all.end(), magnitude) - all.begin();
  if (above == std::ssize(all)) return H::infinity_bits;
  if (above == 0 || all[static_cast<std::size_t>(above)] == magnitude) return static_cast<std::uint16_t>(above);
  const double up = all[static_cast<std::size_t>(above)] - magnitude;
  const double down = magnitude - all[static_cast<std::size_t>(above - 1)];
  const bool take_lower = down < up || (down == up && above % 2 == 1);
  return static_cast<std::uint16_t>(take_lower ? above - 1 : above);
}

template <class H>
bool is_nan(H h) {
  return (h.bits() & 0x7fff) > H::infinity_bits;
}

/// Every tie between neighbours, the floats next to it, every number itself, the ends, and random bits.
template <class H>
std::vector<float> floats_to_round() {
  std::vector<float> result{0.0f, std::numeric_limits<float>::denorm_min(), std::numeric_limits<float>::max(),
                            std::numeric_limits<float>::infinity()};
  for (std::uint16_t b = 0; b < H::infinity_bits; ++b) {
    const double here = meaning<H>(b);
    const double next = b + 1 < H::infinity_bits ? meaning<H>(static_cast<std::uint16_t>(b + 1))
                                                 : 2 * here - meaning<H>(static_cast<std::uint16_t>(b - 1));
    const auto tie = static_cast<float>((here + next) / 2);
    if (static_cast<double>(tie) != (here + next) / 2) FAIL("no float lies half-way above " << here);
    for (const float x : {static_cast<float>(here), std::nextafter(tie, 0.0f), tie, std::nextafter(tie, INFINITY)})
      result.push_back(x);
  }
  const std::size_t positive = result.size();
  for (std::size_t i = 0; i < positive; ++i) result.push_back(-result[i]);
  const distill::random_stream random(7);
  for (std::uint64_t i = 0; i < 300000; ++i)
    result.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(random.bits(i))));
  return result;
}

}  // namespace

TEST_CASE_TEMPLATE("two bytes, and what is known of them", H, half, bfloat16) {
  static_assert(sizeof(H) == 2 && std::is_trivially_copyable_v<H> && std::is_trivially_default_constructible_v<H>);
  static_assert(!std::is_convertible_v<H, float> && !std::is_convertible_v<float, H>);
  static_assert(!std::is_constructible_v<H, double> && !std::is_constructible_v<H, int>);
  using facts = std::numeric_limits<H>;
  CHECK(static_cast<float>(facts::epsilon()) == std::ldexp(1.0f, 1 - facts::digits));
  CHECK(static_cast<float>(facts::min()) == std::ldexp(1.0f, facts::min_exponent - 1));
  CHECK(static_cast<float>(facts::denorm_min()) == std::ldexp(1.0f, facts::min_exponent - facts::digits));
  CHECK(static_cast<float>(facts::max()) ==
        std::ldexp(2.0f - std::ldexp(1.0f, 1 - facts::digits), facts::max_exponent - 1));
  CHECK(static_cast<float>(facts::lowest()) == -static_cast<float>(facts::max()));
  CHECK(static_cast<float>(facts::infinity()) == INFINITY);
  CHECK(std::isnan(static_cast<float>(facts::quiet_NaN())));
  static_assert(H(1.0f).bits() == H::bias << H::mantissa_bits && static_cast<float>(H(-2.5f)) == -2.5f);
}

TEST_CASE("the largest numbers, spelled out") {
  CHECK(static_cast<float>(std::numeric_limits<half>::max()) == 65504.0f);
  CHECK(half(65519.996f).bits() == 0x7bff);
  CHECK(half(65520.0f).bits() == 0x7c00);
  CHECK(bfloat16(0x1.ffp127f).bits() == 0x7f80);
  CHECK(bfloat16(0x1.fefffep127f).bits() == 0x7f7f);
}

TEST_CASE_TEMPLATE("every pattern means what it should, and comes back", H, half, bfloat16) {
  std::vector<H> all(65536 + 7);  // runs longer and shorter than a batch
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = H::from_bits(static_cast<std::uint16_t>(i));
  std::vector<float> wide(all.size());
  std::vector<H> back(all.size());
  distill::widen(all.data(), std::ssize(all), wide.data());
  distill::narrow(wide.data(), std::ssize(wide), back.data());
  int wrong = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const double expected = meaning<H>(all[i].bits());
    const float alone = static_cast<float>(all[i]);
    if (std::isnan(expected)) {
      wrong += !std::isnan(alone) || !std::isnan(wide[i]) || !is_nan(back[i]) || !is_nan(H(alone));
      wrong += (back[i].bits() ^ all[i].bits()) >> 15;
    } else {
      wrong += static_cast<double>(alone) != expected || std::signbit(alone) != std::signbit(expected);
      wrong += std::bit_cast<std::uint32_t>(alone) != std::bit_cast<std::uint32_t>(wide[i]);
      wrong += H(alone).bits() != all[i].bits() || back[i].bits() != all[i].bits();
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE_TEMPLATE("floats round to the nearest, ties to even, once", H, half, bfloat16) {
  const std::vector<float> floats = floats_to_round<H>();
  std::vector<H> run(floats.size());
  distill::narrow(floats.data(), std::ssize(floats), run.data());
  int wrong = 0;
  for (std::size_t i = 0; i < floats.size(); ++i) {
    const float x = floats[i];
    const H alone(x);
    if (std::isnan(x)) {
      wrong += !is_nan(alone) || !is_nan(run[i]);
    } else {
      const int expected = nearest_magnitude<H>(x) | (std::signbit(x) ? 0x8000 : 0);
      wrong += alone.bits() != expected || run[i].bits() != expected;
      if (wrong == 1) MESSAGE("first at " << x << ", " << alone.bits() << ", " << run[i].bits() << " for " << expected);
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE_TEMPLATE("runs of every length and alignment touch nothing beside them", H, half, bfloat16) {
  for (std::size_t count = 0; count < 150; ++count) {
    CAPTURE(count);
    const auto size = static_cast<distill::index>(count);
    const std::size_t start = 3 + count % 37;
    const auto within = [&](std::size_t i) { return i >= start && i < start + count; };
    std::vector<H> packed(200, H(7.0f));
    std::vector<float> wide(200, 3.0f);
    int wrong = 0;
    const auto check = [&](float inside, float outside) {
      for (std::size_t i = 0; i < 200; ++i) wrong += static_cast<float>(packed[i]) != (within(i) ? inside : outside);
    };
    distill::widen(packed.data() + 1, size, wide.data() + start);
    for (std::size_t i = 0; i < 200; ++i) wrong += wide[i] != (within(i) ? 7.0f : 3.0f);
    std::fill(wide.begin(), wide.end(), 2.0f);
    distill::narrow(wide.data() + 1, size, packed.data() + start);
    check(2, 7);
    distill::narrow_onto(wide.data() + 1, size, packed.data() + start);
    check(4, 7);
    distill::narrow_stream(wide.data() + 1, size, packed.data() + start);
    check(2, 7);
    CHECK(wrong == 0);
  }
}

TEST_CASE_TEMPLATE("adding happens in float and is rounded once", H, half, bfloat16) {
  const float unit = static_cast<float>(std::numeric_limits<H>::epsilon());
  for (const std::size_t count : {1, 100}) {
    std::vector<H> sum(count, H(1.0f));
    // A little over a tie. Rounded to 16 bits before it is added, it would be the tie itself, and 1 would stay.
    const std::vector<float> added(count, 0.5f * unit * (1 + 0x1p-12f));
    distill::narrow_onto(added.data(), std::ssize(added), sum.data());
    for (const H x : sum) CHECK(static_cast<float>(x) == 1 + unit);
  }
}
