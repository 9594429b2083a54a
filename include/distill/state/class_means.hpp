// What a network's features of each class are on average.
#pragma once

#include <algorithm>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN

/// Running sums of the features of each class: add the batches of one pass over the training set, then ask for means().
/// Sums are kept in double with what each addition rounds off, so that a long pass loses nothing. A plain value: copy
/// it to save it, assign it to restore it.
///   class_means<float> centres(10, 512);
///   for (…) centres.add({features, n, 512}, labels);
///   matrix_view<const float> table = centres.means();
/// A class that was never seen has mean 0. Source: the class centres of Wang et al. 2023 (ND), arXiv 2305.17007.
template <class T>
class class_means {
 public:
  /// @throws argument_error  fewer than one class, a negative number of features
  class_means(index classes, index features) : classes_(classes), features_(features) {
    if (classes < 1) fail("class_means: classes is ", classes, ", must be positive");
    if (features < 0) fail("class_means: features is ", features, ", must not be negative");
    counts_.resize(static_cast<std::size_t>(classes));
    sums_.resize(static_cast<std::size_t>(classes * features));
    rests_ = sums_;
    means_.resize(sums_.size());
  }

  index classes() const { return classes_; }
  index features() const { return features_; }
  /// How many samples of a class were added.
  index count(index label) const { return counts_[static_cast<std::size_t>(label)]; }

  /// Adds N × features, one sample a row. A sample with a label of -1 is passed over.
  /// @throws argument_error  before anything is added: another number of features, not one label a row, a label that is
  ///   no class
  void add(const matrix_view<const T>& samples, const index_view& labels) {
    if (samples.columns != features_)
      fail("class_means: features has ", samples.columns, " columns, expected ", features_);
    if (labels.size() != samples.rows)
      fail("class_means: labels has ", labels.size(), " entries, features has ", samples.rows, " rows");
    for (index r = 0; r < samples.rows; ++r)
      if (labels[r] < -1 || labels[r] >= classes_)
        fail("class_means: labels[", r, "] is ", labels[r], ", must lie in [0, ", classes_, ") or be -1");
    for (index r = 0; r < samples.rows; ++r) {
      if (labels[r] < 0) continue;
      ++counts_[static_cast<std::size_t>(labels[r])];
      const auto first = static_cast<std::size_t>(labels[r] * features_);
      for (index c = 0; c < features_; ++c) {
        const std::size_t at = first + static_cast<std::size_t>(c);
        const auto x = static_cast<double>(samples(r, c));
        const double sum = sums_[at] + x, part = sum - x;  // Knuth's two-sum
        rests_[at] += (sums_[at] - part) + (x - (sum - part));
        sums_[at] = sum;
      }
    }
  }

  /// The mean of each class so far, classes × features; valid until the next call or the object's end.
  matrix_view<const T> means() {
    for (index y = 0; y < classes_; ++y) {
      const auto seen = static_cast<double>(std::max<index>(1, count(y)));
      for (index c = 0; c < features_; ++c) {
        const auto at = static_cast<std::size_t>(y * features_ + c);
        means_[at] = static_cast<T>((sums_[at] + rests_[at]) / seen);
      }
    }
    return {means_.data(), classes_, features_};
  }

 private:
  index classes_, features_;
  std::vector<index> counts_;
  std::vector<double> sums_, rests_;
  std::vector<T> means_;
};

DISTILL_NAMESPACE_END
