// The largest class and the softmax normaliser of one row, in double whatever the storage.
#pragma once

#include <cmath>
#include <limits>

#include "../../config.hpp"
#include "../../core/matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN

namespace detail {

/// The class with the largest logit, the lowest one where several tie; -1 for a row that has none, because it holds a
/// NaN or nothing above -inf.
template <class T>
index top_class(const matrix_view<const T>& logits, index row) {
  index top = -1;
  double largest = -std::numeric_limits<double>::infinity();
  for (index c = 0; c < logits.columns; ++c) {
    const double z = static_cast<double>(logits(row, c));
    if (std::isnan(z)) return -1;
    if (z > largest) {
      largest = z;
      top = c;
    }
  }
  return top;
}

/// softmax(z)_c = e^(z_c − maximum) / (1 + rest). The top class is left out of `rest`, so that a certain row keeps the
/// digits of log(1 + rest) = log1p(rest).
struct softmax_row {
  index top = -1;
  double maximum = 0;
  double rest = 0;

  /// False where the softmax is undefined: a NaN, a +inf, or no finite logit.
  bool valid() const { return top >= 0 && std::isfinite(rest); }
  double confidence() const { return 1 / (1 + rest); }
  double probability(double z) const { return std::exp(z - maximum) / (1 + rest); }
  double log_sum() const { return std::log1p(rest); }
};

template <class T>
softmax_row softmax_of(const matrix_view<const T>& logits, index row) {
  softmax_row result{.top = top_class(logits, row)};
  if (result.top < 0) return result;
  result.maximum = static_cast<double>(logits(row, result.top));
  // Only +inf makes the difference below NaN, and a row of one class has no difference.
  if (std::isinf(result.maximum)) result.rest = std::numeric_limits<double>::quiet_NaN();
  for (index c = 0; c < logits.columns; ++c)
    if (c != result.top) result.rest += std::exp(static_cast<double>(logits(row, c)) - result.maximum);
  return result;
}

}  // namespace detail

DISTILL_NAMESPACE_END
