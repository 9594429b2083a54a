// How often the first guess is right.
#pragma once

#include <limits>

#include "../config.hpp"
#include "../core/matrix_view.hpp"
#include "detail/logits.hpp"
#include "detail/softmax_row.hpp"

DISTILL_NAMESPACE_BEGIN

/// Top-1 accuracy: (1/N) Σ_i [argmax_c z_ic = y_i], a share in [0, 1]. Of tied logits the lowest class counts as the
/// guess.
///
/// @param logits  N × C, a matrix_view of any strides or an Eigen matrix
/// @param labels  N classes in [0, C)
/// @returns NaN if a row has no largest logit (it holds a NaN, or only -inf)
/// @throws argument_error  no rows or no classes, another number of labels, label out of range
template <detail::logit_matrix M>
double accuracy(const M& logits, const index_view& labels) {
  const auto z = detail::const_view(logits);
  detail::check_logits("accuracy", "logits", z);
  detail::check_labels("accuracy", z.rows, z.columns, labels);
  index right = 0;
  for (index r = 0; r < z.rows; ++r) {
    const index top = detail::top_class(z, r);
    if (top < 0) return std::numeric_limits<double>::quiet_NaN();
    right += top == labels[r];
  }
  return static_cast<double>(right) / static_cast<double>(z.rows);
}

DISTILL_NAMESPACE_END
