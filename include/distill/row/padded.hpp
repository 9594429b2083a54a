// Two vocabularies of which one is the beginning of the other.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/math.hpp"
#include "../core/parallel.hpp"
#include "../core/simd.hpp"
#include "parameter.hpp"
#include "rows_view.hpp"
#include "source.hpp"
#include "workspace.hpp"

DISTILL_NAMESPACE_BEGIN

/// N × columns: the first `columns` classes, or all of them followed by masked (-inf) ones. The teacher fitted to the
/// student's columns has no mass on classes that it does not know; what it loses of those that the student does not
/// know is its dropped_mass(). As a gradient's place: padding takes nothing, columns beyond are not touched.
/// @throws argument_error  a negative number of columns
template <detail::any_rows_view M>
auto fit_columns(M&& m, index columns) {
  if (columns < 0) fail("fit_columns: columns is ", columns, ", must not be negative");
  rows_view view(m);
  view.layout.columns = columns;
  view.layout.stored = std::min(view.layout.stored, columns);
  return view;
}

namespace detail {

/// The maximum of some logits and Σ e^{(z - max)·scale}: (-inf, 0) when there is none above -inf.
template <class T>
struct partial_softmax {
  double max, sum = 0;

  partial_softmax(const T* z, index count, T scale) {
    using V = simd<T>;
    constexpr index w = static_cast<index>(V::size), block = 32 * w;  // before a float sum can lose digits
    constexpr T masked = -std::numeric_limits<T>::infinity();
    const auto load = [&](index i) {
      return i + w <= count ? V::load_unaligned(z + i) : load_partial(z + i, count - i, masked);
    };
    V highest(masked);
    for (index i = 0; i < count; i += w) highest = lane<V>::max(highest, load(i));
    const T top = reduce_max<T>(highest);
    max = static_cast<double>(top);
    if (top == masked) return;
    for (index begin = 0; begin < count; begin += block) {
      V part(T(0));
      for (index i = begin; i < std::min(begin + block, count); i += w)
        part = part + exp_scaled(load(i) - V(top), V(scale));
      sum += reduce_sum<T>(part);
    }
  }
};

}  // namespace detail

/// mass[r] = Σ_{c >= kept} softmax(z_r / T)_c, the share of row r that is lost when only the first `kept` classes stay.
/// Computed as 1 / (1 + e^{lse(kept) - lse(dropped)}): it keeps its relative accuracy however small it is. A row
/// without finite logits: NaN. Call it as dropped_mass<float>(teacher, student.cols(), T, mass).
/// @throws argument_error  kept outside [0, columns]; a mass for another number of rows; a temperature that is not
///   positive and finite
template <class T>
void dropped_mass(const row_input<T>& rows, index kept, const row_parameter& temperature, std::span<double> mass,
                  const execution& how, row_workspace<T>& workspace) {
  const index n = rows.rows(), columns = rows.columns();
  if (kept < 0 || kept > columns) fail("dropped_mass: kept is ", kept, ", must lie in [0, ", columns, "]");
  if (std::ssize(mass) != n) fail("dropped_mass: mass has ", mass.size(), " entries, the matrix has ", n, " rows");
  temperature.require_rows("temperature", n);
  for (index r = 0; r < (temperature.varies() ? n : 1); ++r)
    if (!(temperature[r] > 0) || std::isinf(temperature[r]))
      fail("dropped_mass: temperature is ", temperature[r], ", must be positive and finite");
  const index height = std::max<index>(rows.height(), 1), chunks = (n + height - 1) / height;
  const int threads = std::max(1, static_cast<int>(std::min<index>(how.count(), chunks)));
  workspace.reserve_threads(threads);
  parallel_for(chunks, threads, [&](index chunk, int thread) {
    const index first = chunk * height, count = std::min(height, n - first);
    T* const tile = rows.direct() ? nullptr : workspace.scratch(thread, height * columns);
    if (tile) rows.produce(first, count, tile, columns);
    const auto one = [&](index i, const T* z) {
      const T scale = static_cast<T>(1 / temperature[first + i]);
      const detail::partial_softmax<T> stay(z, kept, scale), go(z + kept, columns - kept, scale);
      const double ahead = (stay.max - go.max) * static_cast<double>(scale) + std::log(stay.sum / go.sum);
      const double all = stay.sum + go.sum;  // NaN, or 0 in a row without finite logits
      mass[static_cast<std::size_t>(first + i)] = all > 0 ? (go.sum == 0     ? 0
                                                             : stay.sum == 0 ? 1
                                                                             : 1 / (1 + std::exp(ahead)))
                                                          : std::nan("");
    };
    if (!tile) rows.each_row(first, count, one);
    for (index i = 0; tile && i < count; ++i) one(i, tile + i * columns);
  });
}
template <class T>
void dropped_mass(const row_input<T>& rows, index kept, const row_parameter& temperature, std::span<double> mass,
                  const execution& how = {}) {
  row_workspace<T> workspace;
  dropped_mass(rows, kept, temperature, mass, how, workspace);
}

DISTILL_NAMESPACE_END
