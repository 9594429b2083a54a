// A row's numbers in descending order with their columns, ties by ascending column.
//
// Digit by digit from the lowest (LSD radix) on integers that are ordered as the numbers are: stable, no comparison to
// predict. Measured on one core (ns an element, float, normal numbers; std::sort takes 29 at 1000 and 48 at 131072):
//
//   n                10     32     64    100    256   1000  32000 131072
//   4 × 8 bits       67     26     16     13     10    8.6    8.3    8.4
//   3 × 11 bits     267     86     45     30     15    7.6    5.4    5.5
//   counting        2.9    3.4    4.8    7.1     13
//
// Doubles go by their upper 32 or 33 bits; what is equal in those by comparison, or, a long run, by the bits below (ns
// an element of sort_descending):
//
//   n                    10    100    256   1000  32000 131072
//   normal              4.0     14     11     10    7.6    7.9
//   1 + 1e-9 normal     4.0     25     25     28     12     12
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#include "../config.hpp"
#include "dual.hpp"
#include "lane.hpp"
#include "matrix_view.hpp"
#include "simd.hpp"

DISTILL_NAMESPACE_BEGIN

/// One entry of a row with its column.
template <class T>
struct ranked {
  T value;
  std::int32_t column;

  /// Larger values first, ties by ascending column: an order without ties. Not for NaN.
  friend bool operator<(const ranked& a, const ranked& b) {
    return a.value > b.value || (a.value == b.value && a.column < b.column);
  }
};

namespace detail {

/// An integer that grows as x falls. NaN has one, too: whatever is sorted by it is in some order.
template <class T>
DISTILL_INLINE auto descending_key(T x) {
  using B = typename lane<T>::bits;
  constexpr int sign = 8 * static_cast<int>(sizeof(T)) - 1;
  const B bits = lane<T>::to_bits(x);
  return static_cast<B>(bits ^ (((bits >> sign) - 1) >> 1));  // the other bits of what is not negative turn round
}

template <class T>
auto descending_key(dual<T> x) {
  return descending_key(x.value);
}

/// The order of the keys, which NaN cannot upset; -0 does not occur.
template <class T>
bool precedes(const ranked<T>& a, const ranked<T>& b) {
  const auto x = descending_key(a.value), y = descending_key(b.value);
  return x < y || (x == y && a.column < b.column);
}

/// The bits of a key below its uppermost ones, where the digits do not reach to the end.
template <class T, int Bits, int Digits>
inline constexpr int bits_below = std::max(0, 8 * static_cast<int>(sizeof(T)) - Bits * Digits);

/// How many entries of each value a digit has, for several digits of a key from bit Lowest on; then where each goes.
template <class T, int Bits, int Digits, int Lowest>
class digit_counts {
  using B = typename lane<T>::bits;

 public:
  static std::size_t digit(B key, int which) {
    return static_cast<std::size_t>(key >> (Lowest + which * Bits)) & ((std::size_t(1) << Bits) - 1);
  }
  template <class Read>
  digit_counts(index n, const Read& read) {
    for (auto& of_digit : place_) of_digit.fill(0);
    for (index i = 0; i < n; ++i) {
      const B key = descending_key(read(i).value);
      for (int k = 0; k < Digits; ++k) ++place_[static_cast<std::size_t>(k)][digit(key, k)];
    }
    for (auto& of_digit : place_) {
      std::uint32_t before = 0;
      for (std::uint32_t& place : of_digit) before += std::exchange(place, before);
    }
  }
  /// All entries in the order of one digit, entries that are equal in it as they came.
  template <class Read>
  void move(index n, const Read& read, int which, ranked<T>* to) {
    auto& place = place_[static_cast<std::size_t>(which)];
    for (index i = 0; i < n; ++i) {
      const ranked<T> each = read(i);
      to[place[digit(descending_key(each.value), which)]++] = each;
    }
  }
  /// After a move: where the entries end whose digit is that of `key`.
  index end_of(B key, int which) const {
    return static_cast<index>(place_[static_cast<std::size_t>(which)][digit(key, which)]);
  }

 private:
  std::array<std::array<std::uint32_t, std::size_t(1) << Bits>, static_cast<std::size_t>(Digits)> place_;
};

/// Reads entry i of a row. -0 becomes 0, its equal.
template <class T>
auto entries_of(const T* values) {
  return [values](index i) { return ranked<T>{values[i] + T(0), static_cast<std::int32_t>(i)}; };
}

/// Puts a long run of entries in order whose keys are equal but for their lowest 33 bits; `run` is overwritten.
template <class T>
void sort_low_bits(index n, ranked<T>* run, ranked<T>* out) {
  const auto entries = [](const ranked<T>* from) { return [from](index i) { return from[i]; }; };
  digit_counts<T, 11, 3, 0> counts(n, entries(run));
  counts.move(n, entries(run), 0, out);
  counts.move(n, entries(out), 1, run);
  counts.move(n, entries(run), 2, out);
}

/// What read(0), …, read(n - 1) are, sorted; they may lie in `scratch` where the number of digits is odd.
template <class T, int Bits, int Digits, class Read>
void radix_sort(index n, const Read& read, ranked<T>* out, ranked<T>* scratch) {
  constexpr int lowest = bits_below<T, Bits, Digits>;
  digit_counts<T, Bits, Digits, lowest> counts(n, read);
  ranked<T>*to = Digits % 2 ? out : scratch, *from = Digits % 2 ? scratch : out;
  counts.move(n, read, 0, to);
  for (int k = 1; k < Digits; ++k) {
    std::swap(from, to);
    counts.move(
        n, [from](index i) { return from[i]; }, k, to);
  }
  if constexpr (lowest > 0)  // runs of numbers that are equal in the bits looked at: few, but for ties and near ties
    for (index i = 0; i < n;) {
      const auto upper = [&](index j) { return descending_key(out[j].value) >> lowest; };
      const index begin = i;
      for (++i; i < n && upper(i) == upper(begin);) ++i;
      if (std::is_sorted(out + begin, out + i, precedes<T>)) continue;
      if (i - begin < 1000) {
        std::sort(out + begin, out + i, precedes<T>);
      } else {
        std::copy(out + begin, out + i, scratch + begin);
        sort_low_bits(i - begin, scratch + begin, out + begin);
      }
    }
}

/// Rows of at most this many entries: n²/width comparisons without a branch are fewer than what counters cost.
template <class T>
inline constexpr index longest_counted_row = 10 * lane<simd<T>>::width;

/// Every entry goes where the number of those says that come before it. NaN counts as the smallest number.
template <class T>
void counting_sort(const T* values, index n, ranked<T>* out) {
  using V = simd<T>;
  constexpr index width = lane<V>::width;
  constexpr T lowest = -std::numeric_limits<T>::infinity();
  alignas(cache_line) std::array<T, static_cast<std::size_t>(longest_counted_row<T>)> number;
  alignas(cache_line) std::array<T, static_cast<std::size_t>(width)> place, own;
  for (index i = 0; i < n; ++i)
    number[static_cast<std::size_t>(i)] = values[i] == values[i] ? values[i] : lowest;  // NOLINT: NaN is not itself
  for (index l = 0; l < width; ++l) own[static_cast<std::size_t>(l)] = static_cast<T>(l);
  const V lanes = V::load_aligned(own.data()), zero(T(0)), one(T(1));
  for (index block = 0; block < n; block += width) {
    const index stop = std::min(block + width, n);
    const V x = stop - block < width ? load_partial(number.data() + block, stop - block, lowest)
                                     : V::load_aligned(number.data() + block);
    V before = zero;
    const auto each = [&](index from, index to, const auto& earlier) DISTILL_LAMBDA_INLINE {
      for (index j = from; j < to; ++j)
        before = before + lane<V>::select(earlier(V(number[static_cast<std::size_t>(j)]), j), one, zero);
    };
    each(0, block, [&](const V& y, index) DISTILL_LAMBDA_INLINE { return x <= y; });
    each(block, stop, [&](const V& y, index j) DISTILL_LAMBDA_INLINE {
      return (x < y) | ((x == y) & (V(static_cast<T>(j - block)) < lanes));
    });
    each(stop, n, [&](const V& y, index) DISTILL_LAMBDA_INLINE { return x < y; });
    before.store_aligned(place.data());
    for (index i = block; i < stop; ++i)
      out[static_cast<index>(place[static_cast<std::size_t>(i - block)])] = {values[i] + T(0),
                                                                             static_cast<std::int32_t>(i)};
  }
}

/// Dual numbers, by their values.
template <class T>
void sort_by_comparison(const T* values, index n, ranked<T>* out) {
  const auto read = entries_of(values);
  for (index i = 0; i < n; ++i) out[i] = read(i);
  std::sort(out, out + n, precedes<T>);
}

}  // namespace detail

/// The n values (float or double) and their columns in descending order into `out`, ties by ascending column: a stable
/// sort. -0 is returned as 0 and equals it; NaN lies anywhere. `out` and `scratch` have room for n, `values` is
/// neither. 3 to 9 ns an element for float, 4 to 14 for double, up to 28 where doubles are nearly equal.
template <class T>
void sort_descending(const T* values, index n, ranked<T>* out, ranked<T>* scratch) {
  if constexpr (is_dual<T>)
    detail::sort_by_comparison(values, n, out);
  else if (n <= detail::longest_counted_row<T>)
    detail::counting_sort(values, n, out);
  else if (n < 1000)
    detail::radix_sort<T, 8, 4>(n, detail::entries_of(values), out, scratch);
  else
    detail::radix_sort<T, 11, 3>(n, detail::entries_of(values), out, scratch);
}

/// The `count` largest in that order into out[0, count), and behind them all the others, each once, in an order that is
/// the same for the same row but none to rely on; only that none of them precedes out[count - 1]. 2 ns an element where
/// count is small.
template <class T>
void sort_largest(const T* values, index n, index count, ranked<T>* out, ranked<T>* scratch) {
  if constexpr (is_dual<T>) {
    detail::sort_by_comparison(values, n, out);
  } else {
    if (count <= 0 || count > n / 4 || n <= detail::longest_counted_row<T>)
      return sort_descending(values, n, out, scratch);
    const auto read = detail::entries_of(values);
    detail::digit_counts<T, 11, 1, detail::bits_below<T, 11, 1>> counts(n, read);
    counts.move(n, read, 0, out);
    const index stop = counts.end_of(detail::descending_key(out[count - 1].value), 0);
    if (stop < 256) return std::sort(out, out + stop, detail::precedes<T>);
    std::copy(out, out + stop, scratch);
    detail::radix_sort<T, 11, 3>(
        stop, [scratch](index i) { return scratch[i]; }, out, scratch);
  }
}

DISTILL_NAMESPACE_END
