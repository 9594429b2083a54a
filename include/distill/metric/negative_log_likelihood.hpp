// How surprised the model is by the labels.
#pragma once

#include <limits>

#include "../config.hpp"
#include "../core/matrix_view.hpp"
#include "detail/logits.hpp"
#include "detail/softmax_row.hpp"

DISTILL_NAMESPACE_BEGIN

/// Mean negative log-likelihood at temperature 1, in nats: −(1/N) Σ_i log softmax(z_i)_{y_i} ≥ 0, computed in double.
/// A sure and right answer keeps its digits: logits (50, 0) with label 0 give 1.9e-22, not 0.
///
/// @param logits  N × C, a matrix_view of any strides or an Eigen matrix
/// @param labels  N classes in [0, C)
/// @returns +inf if a label's logit is -inf; NaN if a row holds a NaN, a +inf, or only -inf
/// @throws argument_error  no rows or no classes, another number of labels, label out of range
template <detail::logit_matrix M>
double negative_log_likelihood(const M& logits, const index_view& labels) {
  const auto z = detail::const_view(logits);
  detail::check_logits("negative_log_likelihood", "logits", z);
  detail::check_labels("negative_log_likelihood", z.rows, z.columns, labels);
  double sum = 0;
  for (index r = 0; r < z.rows; ++r) {
    const detail::softmax_row row = detail::softmax_of(z, r);
    if (!row.valid()) return std::numeric_limits<double>::quiet_NaN();
    sum += (row.maximum - static_cast<double>(z(r, labels[r]))) + row.log_sum();
  }
  return sum / static_cast<double>(z.rows);
}

DISTILL_NAMESPACE_END
