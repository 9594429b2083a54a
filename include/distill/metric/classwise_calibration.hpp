// Does a probability of 20 % for any class mean that class in 20 % of the cases?
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"
#include "calibration.hpp"
#include "detail/logits.hpp"
#include "detail/softmax_row.hpp"

DISTILL_NAMESPACE_BEGIN

/// What classwise_calibration() returns: the error of each class and their mean, all in [0, 1].
struct classwise_calibration_report {
  double expected_error = 0;
  std::vector<double> by_class;
};

/// Calibration of every class: with n_kc rows whose probability of class c lies in (k/M, (k+1)/M],
///   by_class[c]      Σ_k (n_kc/N) |share of label c − mean probability of c|
///   expected_error   their mean over the classes
/// Empty bins are skipped; a probability of 0 belongs to the first bin.
///
/// Source: Kull et al. 2019, arXiv 1910.12656 (classwise-ECE); Nixon et al. 2019, arXiv 1904.01685 (static calibration
/// error).
///
/// @param logits  N × C, a matrix_view of any strides or an Eigen matrix
/// @param labels  N classes in [0, C)
/// @param bins    M ≥ 1
/// @returns NaN throughout if a row holds a NaN, a +inf, or only -inf
/// @throws argument_error  no rows or no classes, another number of labels, label out of range, M < 1
template <detail::logit_matrix M>
classwise_calibration_report classwise_calibration(const M& logits, const index_view& labels, int bins = 15) {
  const auto z = detail::const_view(logits);
  detail::check_logits("classwise_calibration", "logits", z);
  detail::check_labels("classwise_calibration", z.rows, z.columns, labels);
  if (bins < 1) fail("classwise_calibration: bins is ", bins, ", at least 1 is needed");

  // |count · (share − mean)| is |Σ over the bin of (1[label = c] − p_c)|.
  std::vector<double> excess(static_cast<std::size_t>(z.columns) * static_cast<std::size_t>(bins));
  bool valid = true;
  for (index r = 0; r < z.rows; ++r) {
    const detail::softmax_row row = detail::softmax_of(z, r);
    valid = valid && row.valid();
    for (index c = 0; valid && c < z.columns; ++c) {
      const double p = row.probability(static_cast<double>(z(r, c)));
      const auto bin = static_cast<std::size_t>(c * bins + detail::calibration_bin(p, bins));
      excess[bin] += (labels[r] == c ? 1 : 0) - p;
    }
  }
  classwise_calibration_report report;
  for (index c = 0; c < z.columns; ++c) {
    double sum = 0;
    for (int k = 0; k < bins; ++k) sum += std::abs(excess[static_cast<std::size_t>(c * bins + k)]);
    if (!valid) sum = std::numeric_limits<double>::quiet_NaN();
    report.by_class.push_back(sum / static_cast<double>(z.rows));
    report.expected_error += report.by_class.back() / static_cast<double>(z.columns);
  }
  return report;
}

DISTILL_NAMESPACE_END
