// Does a confidence of 80 % mean right in 80 % of the cases?
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"
#include "detail/logits.hpp"
#include "detail/softmax_row.hpp"

DISTILL_NAMESPACE_BEGIN

/// What calibration() returns. With n_k rows in bin k, N in all:
///   expected_error      Σ_k (n_k/N) |accuracy_k − confidence_k|, Guo et al. 2017, arXiv 1706.04599, equation 3 (ECE)
///   maximum_error       max_k |accuracy_k − confidence_k|, equation 5 there (MCE)
///   root_mean_square    √(Σ_k (n_k/N) (accuracy_k − confidence_k)²), Hendrycks et al. 2019, arXiv 1812.04606
/// Empty bins are skipped. All three lie in [0, 1].
struct calibration_report {
  /// One bar of the reliability diagram: bin k of M holds the confidences in (k/M, (k+1)/M].
  struct bin {
    index count = 0;
    double confidence = 0;  ///< mean over the bin's rows; 0 if it has none
    double accuracy = 0;    ///< share of right answers; 0 if it has no rows
  };
  double expected_error = 0;
  double maximum_error = 0;
  double root_mean_square = 0;
  std::vector<bin> bins;
};

namespace detail {

/// k with confidence ∈ (k/M, (k+1)/M], by the doubles nearest to k/M; 0 belongs to the first bin.
inline int calibration_bin(double confidence, int bins) {
  int k = std::clamp(static_cast<int>(std::ceil(confidence * bins)) - 1, 0, bins - 1);
  // The product is rounded: compare with the edges themselves.
  while (k > 0 && confidence <= static_cast<double>(k) / bins) --k;
  while (k < bins - 1 && confidence > static_cast<double>(k + 1) / bins) ++k;
  return k;
}

/// From the sums of each bin to means and errors; `rows` is N, the bins hold fewer if some are undefined.
inline void summarise(calibration_report& report, index rows) {
  index counted = 0;
  double squares = 0;
  for (auto& bin : report.bins) {
    if (bin.count == 0) continue;
    counted += bin.count;
    bin.confidence /= static_cast<double>(bin.count);
    bin.accuracy /= static_cast<double>(bin.count);
    const double gap = std::abs(bin.accuracy - bin.confidence);
    const double share = static_cast<double>(bin.count) / static_cast<double>(rows);
    report.expected_error += share * gap;
    report.maximum_error = std::max(report.maximum_error, gap);
    squares += share * gap * gap;
  }
  report.root_mean_square = std::sqrt(squares);
  if (counted < rows)
    report.expected_error = report.maximum_error = report.root_mean_square = std::numeric_limits<double>::quiet_NaN();
}

}  // namespace detail

/// Top-label calibration in equal bins: per row, confidence = max_c softmax(z)_c at temperature 1, and right or wrong
/// is that class (the lowest of tied ones) against the label.
///
/// @param logits  N × C, a matrix_view of any strides or an Eigen matrix
/// @param labels  N classes in [0, C)
/// @param bins    M ≥ 1; 15 as in Guo et al.
/// @returns errors are NaN if a row holds a NaN, a +inf, or only -inf; such rows are in no bin
/// @throws argument_error  no rows or no classes, another number of labels, label out of range, M < 1
template <detail::logit_matrix M>
calibration_report calibration(const M& logits, const index_view& labels, int bins = 15) {
  const auto z = detail::const_view(logits);
  detail::check_logits("calibration", "logits", z);
  detail::check_labels("calibration", z.rows, z.columns, labels);
  if (bins < 1) fail("calibration: bins is ", bins, ", at least 1 is needed");

  calibration_report report;
  report.bins.resize(static_cast<std::size_t>(bins));
  for (index r = 0; r < z.rows; ++r) {
    const detail::softmax_row row = detail::softmax_of(z, r);
    if (!row.valid()) continue;
    const double confidence = row.confidence();
    auto& bin = report.bins[static_cast<std::size_t>(detail::calibration_bin(confidence, bins))];
    ++bin.count;
    bin.confidence += confidence;
    bin.accuracy += row.top == labels[r] ? 1 : 0;
  }
  detail::summarise(report, z.rows);
  return report;
}

DISTILL_NAMESPACE_END
