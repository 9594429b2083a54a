// How far the probabilities are from the labels.
#pragma once

#include <limits>

#include "../config.hpp"
#include "../core/matrix_view.hpp"
#include "detail/logits.hpp"
#include "detail/softmax_row.hpp"

DISTILL_NAMESPACE_BEGIN

/// Mean squared distance of probabilities and labels, (1/N) Σ_i Σ_c (softmax(z_i)_c − 1[c = y_i])² in [0, 2], at
/// temperature 1, computed in double. A sure and right answer keeps its digits: 1 − p of the top class is formed from
/// the others. Source: Brier 1950, "Verification of forecasts expressed in terms of probability", for C classes.
///
/// @param logits  N × C, a matrix_view of any strides or an Eigen matrix
/// @param labels  N classes in [0, C)
/// @returns NaN if a row holds a NaN, a +inf, or only -inf
/// @throws argument_error  no rows or no classes, another number of labels, label out of range
template <detail::logit_matrix M>
double brier_score(const M& logits, const index_view& labels) {
  const auto z = detail::const_view(logits);
  detail::check_logits("brier_score", "logits", z);
  detail::check_labels("brier_score", z.rows, z.columns, labels);
  double sum = 0;
  for (index r = 0; r < z.rows; ++r) {
    const detail::softmax_row row = detail::softmax_of(z, r);
    if (!row.valid()) return std::numeric_limits<double>::quiet_NaN();
    for (index c = 0; c < z.columns; ++c) {
      double gap = row.probability(static_cast<double>(z(r, c)));
      if (c == labels[r]) gap = c == row.top ? row.rest / (1 + row.rest) : 1 - gap;
      sum += gap * gap;
    }
  }
  return sum / static_cast<double>(z.rows);
}

DISTILL_NAMESPACE_END
