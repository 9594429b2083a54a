// The largest entries of a row, in order.
#pragma once

#include <algorithm>
#include <cstdint>

#include "../config.hpp"
#include "../core/matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN

/// One entry of a row with its column.
template <class T>
struct ranked {
  T value;
  std::int32_t column;

  /// Larger values first, ties by ascending column: an order without ties, whatever sorts.
  friend bool operator<(const ranked& a, const ranked& b) {
    return a.value > b.value || (a.value == b.value && a.column < b.column);
  }
};

/// The `count` largest of n values into out[0, count), in descending order; `out` has room for n. NaN sorts anywhere.
template <class T>
void rank_largest(const T* values, index n, index count, ranked<T>* out) {
  for (index c = 0; c < n; ++c) out[c] = {values[c], static_cast<std::int32_t>(c)};
  if (count < n) std::nth_element(out, out + count, out + n);
  std::sort(out, out + count);
}

DISTILL_NAMESPACE_END
