// Probabilities of one row of logits.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "../config.hpp"
#include "matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN

/// to_c = e^(z_c − max z) / Σ_j e^(z_j − max z) for every class of a row, in double whatever the storage: for tables
/// and features, not for losses. −inf has probability 0, in a row of nothing else every class has; NaN or +inf makes
/// the whole row NaN.
template <class T>
void stable_softmax(const matrix_view<const T>& logits, index row, double* to) {
  constexpr double nothing = -std::numeric_limits<double>::infinity();
  double most = nothing, sum = 0;
  for (index c = 0; c < logits.columns; ++c) most = std::max(most, static_cast<double>(logits(row, c)));
  if (most == nothing) most = 0;
  for (index c = 0; c < logits.columns; ++c) sum += to[c] = std::exp(static_cast<double>(logits(row, c)) - most);
  for (index c = 0; c < logits.columns && sum != 0; ++c) to[c] /= sum;
}

DISTILL_NAMESPACE_END
