// Samples mixed with one another.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "../config.hpp"
#include "../core/buffer.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"
#include "detail/symmetric_beta.hpp"
#include "sample_key.hpp"

DISTILL_NAMESPACE_BEGIN
namespace data {

struct mixup_options {
  double alpha = 0.2;            ///< of Beta(α, α): small, hardly mixed; 1, uniform
  double share = 1;              ///< of the rows; the others stay as they are (partial mixup)
  bool only_unlabelled = false;  ///< only rows whose label is negative
  bool one_weight = true;        ///< one λ a batch, as in the source; otherwise one a row
  std::uint64_t seed = 0;
};

/// x_i ← λ_i x_i + (1 − λ_i) x_partner(i), λ ~ Beta(α, α), partners being a permutation of the rows that take part.
/// What is drawn depends on seed and step alone.
///
///     data::mixup<float> mix({.alpha = 0.4, .share = 0.5});
///     mix(step, batch.features);                  // then the teacher sees what the student sees
///     mix.targets(batch.labels, targets);         // λ · one-hot + (1 − λ) · the partner's
///
/// Sources: H. Zhang, M. Cisse, Y. Dauphin, D. Lopez-Paz, "mixup: beyond empirical risk minimization", ICLR 2018;
/// partial: H. Choi, E. S. Jeon, A. Shukla, P. Turaga, "Understanding the role of mixup in knowledge distillation: an
/// empirical study", WACV 2023.
/// A batch like the one before allocates nothing.
template <class T>
class mixup {
 public:
  /// @throws argument_error  alpha not positive and finite, share outside [0, 1]
  explicit mixup(mixup_options options = {}) : options_(options) {
    if (!(options.alpha > 0 && std::isfinite(options.alpha)))
      fail("mixup: alpha is ", options.alpha, ", must be positive and finite");
    if (!(options.share >= 0 && options.share <= 1)) fail("mixup: share is ", options.share, ", must lie in [0, 1]");
  }

  /// Mixes the rows of a batch in place. @throws argument_error  only_unlabelled without a label for each row
  void operator()(index step, const matrix_view<T>& features, const index_view& labels = {}) {
    if (options_.only_unlabelled && labels.size() != features.rows)
      fail("mixup: ", labels.size(), " labels, ", features.rows, " rows, one for each expected to see which have none");
    const auto rows = static_cast<std::size_t>(features.rows);
    partners_.resize(rows);
    weights_.assign(rows, 1);
    chosen_.clear();
    for (index i = 0; i < features.rows; ++i) {
      partners_[static_cast<std::size_t>(i)] = i;
      if (!options_.only_unlabelled || labels[i] < 0) chosen_.push_back(i);
    }
    const sample_key key{.seed = options_.seed, .epoch = step};
    shuffle(std::span(chosen_), key.stream(4));
    chosen_.resize(static_cast<std::size_t>(std::llround(options_.share * static_cast<double>(chosen_.size()))));
    with_.assign(chosen_.begin(), chosen_.end());
    shuffle(std::span(with_), key.stream(5));
    const double shared = detail::symmetric_beta(options_.alpha, key.stream(6));
    T* const before = before_.reserve(std::ssize(chosen_) * features.columns);
    for (std::size_t k = 0; k < chosen_.size(); ++k) {
      const sample_key own{.seed = options_.seed, .epoch = step, .sample = chosen_[k]};
      const auto row = static_cast<std::size_t>(chosen_[k]);
      partners_[row] = with_[k];
      weights_[row] = options_.one_weight ? shared : detail::symmetric_beta(options_.alpha, own.stream(7));
      for (index c = 0; c < features.columns; ++c)
        before[static_cast<index>(k) * features.columns + c] = features(with_[k], c);
    }
    for (std::size_t k = 0; k < chosen_.size(); ++k) {
      const double weight = weights_[static_cast<std::size_t>(chosen_[k])];
      const T own = static_cast<T>(weight), rest = static_cast<T>(1 - weight);
      for (index c = 0; c < features.columns; ++c) {
        T& x = features(chosen_[k], c);
        x = own * x + rest * before[static_cast<index>(k) * features.columns + c];
      }
    }
  }

  /// Of the last batch: with whom each row was mixed (with itself, if it took no part), and the weight λ that it kept.
  std::span<const index> partners() const { return partners_; }
  std::span<const double> weights() const { return weights_; }

  /// targets(i, c) = λ_i [c = label of i] + (1 − λ_i) [c = label of its partner]; a label outside the classes adds
  /// nothing. @throws argument_error  labels or targets of another number of rows than the last batch
  void targets(const index_view& labels, const matrix_view<T>& targets) const {
    if (labels.size() != std::ssize(partners_) || targets.rows != labels.size())
      fail("mixup: ", labels.size(), " labels and ", targets.rows, " rows of targets, the last batch has ",
           partners_.size(), " rows");
    for (index i = 0; i < targets.rows; ++i) {
      for (index c = 0; c < targets.columns; ++c) targets(i, c) = T(0);
      const double weight = weights_[static_cast<std::size_t>(i)];
      const index own = labels[i], other = labels[partners_[static_cast<std::size_t>(i)]];
      if (own >= 0 && own < targets.columns) targets(i, own) += static_cast<T>(weight);
      if (other >= 0 && other < targets.columns) targets(i, other) += static_cast<T>(1 - weight);
    }
  }

 private:
  mixup_options options_;
  std::vector<index> partners_, chosen_, with_;
  std::vector<double> weights_;
  buffer<T> before_;
};

}  // namespace data
DISTILL_NAMESPACE_END
