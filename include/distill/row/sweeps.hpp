// The loops over the columns of one row that do not depend on the objective. All work on cache-resident scratch whose
// length is a whole number of batches; a row's ragged end is presented as a batch padded with masked (-inf) classes.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

#include "../config.hpp"
#include "../core/math.hpp"
#include "../core/simd.hpp"
#include "site.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

template <class T>
inline constexpr index lanes_of = lane<simd<T>>::width;

/// Rows whose maxima differ by more than this are compared relative to their maxima.
template <class T>
inline constexpr T distant_rows = T(64);

/// Float accumulators are emptied into a double after this many batches, before they can lose digits.
inline constexpr index batches_per_block = 32;

inline constexpr index padded(index columns, index width) { return (columns + width - 1) / width * width; }

/// One input row: whole batches where they lie, the ragged end in a padded copy. Read block by block: a block lies in
/// one of the two, so that the loop inside it has nothing to decide.
template <class T>
class row_reader {
 public:
  row_reader() = default;
  row_reader(const T* row, index columns, T* tail_scratch)
      : data_(row), tail_(tail_scratch), whole_(columns / lanes_of<T> * lanes_of<T>) {
    if (whole_ < columns)
      load_partial(row + whole_, columns - whole_, -std::numeric_limits<T>::infinity()).store_aligned(tail_scratch);
  }
  const T* data() const { return data_; }
  T at(index column) const { return data_[column]; }
  /// Where the block that begins at `begin` ends.
  index block_end(index begin) const {
    return begin < whole_ ? std::min(begin + batches_per_block * lanes_of<T>, whole_) : whole_ + lanes_of<T>;
  }
  DISTILL_INLINE void enter(index begin) {
    begin_ = begin;
    block_ = begin < whole_ ? data_ + begin : tail_;
  }
  /// A batch of the block that was entered last.
  DISTILL_INLINE simd<T> load(index i) const { return simd<T>::load_unaligned(block_ + (i - begin_)); }

 private:
  const T* data_ = nullptr;
  const T* tail_ = nullptr;
  const T* block_ = nullptr;
  index whole_ = 0, begin_ = 0;
};

/// e^power for the small powers that a second temperature may be of the first.
inline constexpr int largest_power = 4;
template <class V>
DISTILL_INLINE V raised(V e, int power) {
  if (power == 1) return e;
  const V square = e * e;
  return power == 2 ? square : power == 3 ? square * e : square * square;
}

/// The exponentials of a site, kept in scratch; a site at T/n reads those at T to the n-th power.
template <class T>
struct kept_row {
  const T* data = nullptr;
  int power = 1;
  DISTILL_INLINE simd<T> load(index i) const { return raised(simd<T>::load_unaligned(data + i), power); }
};

template <class T>
T row_max(row_reader<T> z, index end) {
  using V = simd<T>;
  constexpr index w = lanes_of<T>;
  z.enter(0);
  V a = z.load(0), b = a, c = a, d = a;
  for (index block = 0; block < end; block = z.block_end(block)) {
    z.enter(block);
    const index stop = z.block_end(block);
    index i = block;
    for (; i + 4 * w <= stop; i += 4 * w) {
      a = lane<V>::max(a, z.load(i));
      b = lane<V>::max(b, z.load(i + w));
      c = lane<V>::max(c, z.load(i + 2 * w));
      d = lane<V>::max(d, z.load(i + 3 * w));
    }
    for (; i < stop; i += w) a = lane<V>::max(a, z.load(i));
  }
  return reduce_max<T>(lane<V>::max(lane<V>::max(a, b), lane<V>::max(c, d)));
}

/// A sum of exponentials of which the largest are exactly 1. Where little else adds up, the float lane that holds the 1
/// has no digits left for the rest, and the rest is what a cross-entropy near 0 is made of: the block with the 1 is
/// then summed again, the ones apart.
template <class T>
class peaked_sum {
 public:
  void add(wide<T> block_sum, index begin, index end) {
    total_ += block_sum;
    if (block_sum >= 1) peak_ = block_sum, begin_ = begin, end_ = end;
  }
  wide<T> finish(const T* kept, int power) const {
    using V = simd<T>;
    if (!(total_ < 2)) return total_;  // less than 2: there is one such block
    const V zero(T(0)), one(T(1));
    V ones(zero), rest(zero);
    for (index i = begin_; i < end_; i += lanes_of<T>) {
      const V e = raised(V::load_aligned(kept + i), power);
      const auto peak = e == one;
      ones = ones + lane<V>::select(peak, e, zero);
      rest = rest + lane<V>::select(peak, zero, e);
    }
    return reduce_sum<T>(ones) + ((total_ - peak_) + reduce_sum<T>(rest));
  }

 private:
  wide<T> total_ = 0, peak_ = 0;
  index begin_ = 0, end_ = 0;
};

/// The row that comes after this one, asked for while there is arithmetic to hide the wait behind. One loop alone is
/// too short for that: where two loops read a row, each asks for half of the next one.
template <class T>
class row_ahead {
 public:
  enum class part { whole, first_half, second_half };
  row_ahead() = default;
  /// next null: there is no such row, and `cached` is asked for instead.
  row_ahead(const T* next, index columns, part which, const T* cached)
      : from_(!next                        ? cached
              : which == part::second_half ? next + columns / 2
                                           : next),
        halved_(which != part::whole) {}
  /// In turn i of a loop over the row.
  DISTILL_INLINE void ask(index i) const { prefetch(from_ + (i >> halved_)); }

 private:
  const T* from_ = nullptr;
  int halved_ = 0;
};

/// Σ e^{(z - max)·scale} and, when power > 1, Σ of the powers. Keeps the exponentials.
template <class Number>
struct exponential_sums {
  Number sum = 0, powered = 0;
};
template <class T>
exponential_sums<wide<T>> keep_exponentials(row_reader<T> z, index end, T max, T scale, int power, T* kept,
                                            row_ahead<T> ahead) {
  using V = simd<T>;
  constexpr index w = lanes_of<T>;
  const V m(max), s(scale);
  peaked_sum<T> total, total_powered;
  for (index block = 0; block < end; block = z.block_end(block)) {
    V sum(T(0)), powered(T(0));
    const index stop = z.block_end(block);
    z.enter(block);
    const auto sweep = [&](auto beside) DISTILL_LAMBDA_INLINE {
      for (index i = block; i < stop; i += w) {
        ahead.ask(i);
        const V e = exp_scaled(z.load(i) - m, s);
        e.store_aligned(kept + i);
        sum = sum + e;
        beside(e);
      }
    };
    if (power == 1)
      sweep([](const V&) DISTILL_LAMBDA_INLINE {});
    else
      sweep([&](const V& e) DISTILL_LAMBDA_INLINE { powered = powered + raised(e, power); });
    total.add(reduce_sum<T>(sum), block, stop);
    if (power > 1) total_powered.add(reduce_sum<T>(powered), block, stop);
  }
  return {total.finish(kept, 1), power > 1 ? total_powered.finish(kept, power) : wide<T>(0)};
}

/// Σ f(z) over whole batches, in double.
template <class T, class F>
wide<T> row_sum(row_reader<T> z, index end, const F& f) {
  using V = simd<T>;
  wide<T> total = 0;
  for (index block = 0; block < end; block = z.block_end(block)) {
    V sum(T(0));
    z.enter(block);
    for (index i = block; i < z.block_end(block); i += lanes_of<T>) sum = sum + f(z.load(i), i);
    total += reduce_sum<T>(sum);
  }
  return total;
}

/// The classes above -inf: their number, and mean and sum of squared deviations of z - max over them.
template <class Number>
struct kept_moments {
  index kept = 0;
  Number mean = 0, squares = 0;
};
template <class T>
kept_moments<wide<T>> moments_of(const row_reader<T>& z, index end, T max, bool with_squares) {
  using V = simd<T>;
  const V zero(T(0)), one(T(1)), top(max), masked(-std::numeric_limits<T>::infinity());
  const auto over_kept = [&](const auto& f) {
    return row_sum(z, end, [&](const V& x, index) { return lane<V>::select(x == masked, zero, f(x - top)); });
  };
  kept_moments<wide<T>> result;
  result.kept = static_cast<index>(value_of(over_kept([&](const V&) { return one; })));
  result.mean = over_kept([](const V& x) { return x; }) / static_cast<double>(result.kept);  // NaN enters here
  if (with_squares) {
    const V mean(static_cast<T>(result.mean));
    result.squares = over_kept([&](const V& x) { return (x - mean) * (x - mean); });
  }
  return result;
}

/// Σ e · (z - max): what the row's mean under its softmax is made of.
template <class T>
wide<T> weighted_sum_of(const row_reader<T>& z, index end, T max, const kept_row<T>& e) {
  using V = simd<T>;
  const V top(max);
  return row_sum(z, end, [&](const V& x, index i) { return mass_times(e.load(i), x - top); });
}

/// slopes[c] (+)= constant + slope · (z[c] - centre) for every class above -inf.
template <class T>
struct affine {
  T constant = 0, slope = 0, centre = 0;
};
template <class T>
void add_affine(row_reader<T> z, index end, const affine<T>& line, T* slopes, bool first) {
  using V = simd<T>;
  const V zero(T(0)), masked(-std::numeric_limits<T>::infinity());
  const V constant(line.constant), slope(line.slope), centre(line.centre);
  for (index block = 0; block < end; block = z.block_end(block)) {
    z.enter(block);
    for (index i = block; i < z.block_end(block); i += lanes_of<T>) {
      const V x = z.load(i);
      const V added = lane<V>::select(x == masked, zero, lane<V>::fma(slope, x - centre, constant));
      (first ? added : V::load_aligned(slopes + i) + added).store_aligned(slopes + i);
    }
  }
}

/// A site's share of the gradient row: out -= coefficient · kept.
template <class T>
struct projection {
  kept_row<T> kept;
  T coefficient = 0;
};

/// How the gradient row is stored.
enum class row_store { overwrite, accumulate, stream };

/// out = slopes - Σ projections, with infinite coefficients taken to their limit: an infinite slope wins, a class
/// without mass keeps its own slope. Rows with an infinite value only; never in a hot loop.
template <class T>
void write_limit(T* out, index columns, const T* slopes, std::span<const projection<T>> sites, bool accumulate) {
  using std::isinf;
  for (index c = 0; c < columns; ++c) {
    T g = slopes ? slopes[c] : T(0);
    for (const projection<T>& site : sites) {
      T p = site.kept.data[c];
      for (int n = 1; n < site.kept.power; ++n) p *= site.kept.data[c];
      if (!isinf(g)) g -= mass_times(p, site.coefficient);
    }
    out[c] = accumulate ? out[c] + g : g;
  }
}

/// out = slopes - Σ_sites coefficient · kept. Sites is their number, or -1 when only known at run time.
template <class T, int Sites>
void write_projected(T* out, index columns, const T* slopes, std::span<const projection<T>> given, row_store how) {
  using V = simd<T>;
  constexpr index w = lanes_of<T>;
  const std::size_t count = Sites < 0 ? given.size() : static_cast<std::size_t>(Sites);
  // A copy on the stack: the compiler may keep it in registers across the stores to `out`.
  std::array<projection<T>, static_cast<std::size_t>(Sites <= 0 ? 1 : Sites)> own;
  for (std::size_t k = 0; Sites > 0 && k < count; ++k) own[k] = given[k];
  const projection<T>* const sites = Sites > 0 ? own.data() : given.data();
  const auto gradient = [&](index i) DISTILL_LAMBDA_INLINE {
    V g = slopes ? V::load_unaligned(slopes + i) : V(T(0));
    for (std::size_t k = 0; k < count; ++k) {
      g = lane<V>::fma(V(-sites[k].coefficient), sites[k].kept.load(i), g);
    }
    return g;
  };
  const index whole = columns / w * w;
  index i = 0;
  if (how == row_store::stream && whole > 0) {
    gradient(0).store_unaligned(out);  // up to the first aligned batch, which overlaps it
    const auto address = reinterpret_cast<std::uintptr_t>(out) / sizeof(T);
    i = w - static_cast<index>(address % static_cast<std::uintptr_t>(w));
    for (; i + w <= columns; i += w) store_stream<T>(out + i, gradient(i));
  } else if (how == row_store::accumulate) {
    for (; i < whole; i += w) (V::load_unaligned(out + i) + gradient(i)).store_unaligned(out + i);
  } else {
    for (; i < whole; i += w) gradient(i).store_unaligned(out + i);
  }
  if (i < columns) {
    V last = gradient(i);
    if (how == row_store::accumulate) last = last + load_partial(out + i, columns - i, T(0));
    store_partial<T>(out + i, columns - i, last);
  }
}

template <class T>
void write_gradient(T* out, index columns, const T* slopes, std::span<const projection<T>> sites, row_store how) {
  using std::isinf;
  for (const projection<T>& site : sites)
    if (isinf(site.coefficient)) return write_limit(out, columns, slopes, sites, how == row_store::accumulate);
  switch (sites.size()) {
    case 0: return write_projected<T, 0>(out, columns, slopes, sites, how);
    case 1: return write_projected<T, 1>(out, columns, slopes, sites, how);
    case 2: return write_projected<T, 2>(out, columns, slopes, sites, how);
    default: return write_projected<T, -1>(out, columns, slopes, sites, how);
  }
}

}  // namespace detail
DISTILL_NAMESPACE_END
