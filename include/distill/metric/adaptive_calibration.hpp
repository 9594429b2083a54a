// Calibration in bins of as many rows each.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"
#include "calibration.hpp"
#include "detail/logits.hpp"
#include "detail/softmax_row.hpp"

DISTILL_NAMESPACE_BEGIN

/// Top-label calibration as in calibration(), with bins of (nearly) the same number of rows in the place of bins of the
/// same width: networks that are sure of nearly everything fill one or two of those. By ascending confidence, bin k of
/// M begins at row ⌊k N/M⌋; rows of the same confidence lie in one bin, so that their order does not matter. With fewer
/// rows than bins some bins are empty.
///
/// expected_error is the adaptive calibration error of the top label: Nguyen and O'Connor 2015, arXiv 1508.05154
/// (bins), Mukhoti et al. 2020, arXiv 2002.09437 (AdaECE).
///
/// @param logits  N × C, a matrix_view of any strides or an Eigen matrix
/// @param labels  N classes in [0, C)
/// @param bins    M ≥ 1
/// @returns errors are NaN if a row holds a NaN, a +inf, or only -inf; such rows are in no bin
/// @throws argument_error  no rows or no classes, another number of labels, label out of range, M < 1
template <detail::logit_matrix M>
calibration_report adaptive_calibration(const M& logits, const index_view& labels, int bins = 15) {
  const auto z = detail::const_view(logits);
  detail::check_logits("adaptive_calibration", "logits", z);
  detail::check_labels("adaptive_calibration", z.rows, z.columns, labels);
  if (bins < 1) fail("adaptive_calibration: bins is ", bins, ", at least 1 is needed");

  std::vector<std::pair<double, bool>> rows;  // confidence, right
  for (index r = 0; r < z.rows; ++r)
    if (const detail::softmax_row row = detail::softmax_of(z, r); row.valid())
      rows.emplace_back(row.confidence(), row.top == labels[r]);
  std::sort(rows.begin(), rows.end());

  calibration_report report;
  report.bins.resize(static_cast<std::size_t>(bins));
  const index count = std::ssize(rows);
  index k = 0;
  for (index i = 0; i < count; ++i) {
    const std::pair<double, bool>& row = rows[static_cast<std::size_t>(i)];
    if (i == 0 || rows[static_cast<std::size_t>(i - 1)].first != row.first)  // the first of its confidence
      while (k + 1 < bins && (k + 1) * count / bins <= i) ++k;
    auto& bin = report.bins[static_cast<std::size_t>(k)];
    ++bin.count;
    bin.confidence += row.first;
    bin.accuracy += row.second ? 1 : 0;
  }
  detail::summarise(report, z.rows);
  return report;
}

DISTILL_NAMESPACE_END
