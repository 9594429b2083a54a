// Features of mean 0 and deviation 1.
#pragma once

#include <cmath>
#include <span>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"
#include "sample_key.hpp"

DISTILL_NAMESPACE_BEGIN
namespace data {

/// x ← (x − mean) / deviation, with one mean and deviation for each of equally long groups of a row's features: one for
/// all of them, one a channel, or one a feature. Measured on the training set, applied to every set.
struct normalisation {
  std::vector<double> mean{0};
  std::vector<double> deviation{1};

  /// Of the rows as a population (divided by n, not n − 1), in two passes. A group that is constant gets deviation 1.
  /// @throws argument_error  no rows, or columns that do not divide into `groups`
  template <class Stored>
  static normalisation measure(const matrix_view<const Stored>& features, index groups = 1) {
    if (features.rows < 1 || features.columns < 1 || groups < 1 || features.columns % groups != 0)
      fail("normalisation: features are ", features.rows, " x ", features.columns, " in ", groups,
           " groups, at least one row and equal groups expected");
    const index length = features.columns / groups;
    const double count = static_cast<double>(features.rows) * static_cast<double>(length);
    const auto means = [&](const auto& of) {
      std::vector<double> sums(static_cast<std::size_t>(groups));
      for (index r = 0; r < features.rows; ++r)
        for (index g = 0; g < groups; ++g) {
          double sum = 0;
          for (index i = 0; i < length; ++i) sum += of(static_cast<double>(features(r, g * length + i)), g);
          sums[static_cast<std::size_t>(g)] += sum;
        }
      for (double& sum : sums) sum /= count;
      return sums;
    };
    normalisation result;
    result.mean = means([](double x, index) { return x; });
    result.deviation = means([&](double x, index g) {
      const double apart = x - result.mean[static_cast<std::size_t>(g)];
      return apart * apart;
    });
    for (double& d : result.deviation) d = d > 0 ? std::sqrt(d) : 1;
    return result;
  }

  /// @throws argument_error  a row that does not divide into the groups
  template <class T>
  void operator()(std::span<T> row, const sample_key& = {}) const {
    if (mean.empty() || mean.size() != deviation.size() || row.size() % mean.size() != 0)
      fail("normalisation: row has ", row.size(), " elements, there are ", mean.size(), " means and ", deviation.size(),
           " deviations");
    const std::size_t length = row.size() / mean.size();
    for (std::size_t g = 0; g < mean.size(); ++g) {
      const T centre = static_cast<T>(mean[g]), scale = static_cast<T>(1 / deviation[g]);
      for (T& x : row.subspan(g * length, length)) x = (x - centre) * scale;
    }
  }
};

}  // namespace data
DISTILL_NAMESPACE_END
