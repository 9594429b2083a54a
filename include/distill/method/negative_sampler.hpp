// Samples that are not an anchor's own.
#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"
#include "../core/random.hpp"

DISTILL_NAMESPACE_BEGIN

/// Draws negatives for crd: other samples of a training set, uniformly.
///   negative_sampler other_classes(labels);      exact: none of the anchor's class
///   negative_sampler other_samples(50000);       relaxed: any sample but the anchor
///   other_classes.draw(samples, random_stream(seed, step), negatives);
/// Row r of `negatives` is a function of stream, r and the sample alone. Without replacement its entries differ and
/// come ordered by class; with it they are independent.
class negative_sampler {
 public:
  /// `labels`: one class, any integer, for each sample of the training set.
  explicit negative_sampler(const index_view& labels) : order_(static_cast<std::size_t>(labels.size())) {
    std::iota(order_.begin(), order_.end(), index{0});
    std::stable_sort(order_.begin(), order_.end(), [&](index a, index b) { return labels[a] < labels[b]; });
    own_.resize(order_.size());
    for (index first = 0, last = 0; first < samples(); first = last) {
      const auto label = [&](index place) { return labels[order_[static_cast<std::size_t>(place)]]; };
      while (last < samples() && label(last) == label(first)) ++last;
      for (index place = first; place < last; ++place)
        own_[static_cast<std::size_t>(order_[static_cast<std::size_t>(place)])] = {first, last - first};
    }
  }
  /// @throws argument_error  samples negative
  explicit negative_sampler(index samples) {
    if (samples < 0) fail("negative_sampler: samples is ", samples, ", must not be negative");
    order_.resize(static_cast<std::size_t>(samples));
    std::iota(order_.begin(), order_.end(), index{0});
    for (index s = 0; s < samples; ++s) own_.push_back({s, 1});
  }

  index samples() const { return std::ssize(order_); }
  /// How many negatives a sample has.
  index available(index sample) const { return samples() - own_[static_cast<std::size_t>(sample)].count; }

  /// samples.size() × k.
  /// @throws argument_error  before anything is written: samples out of range; without replacement k larger than what a
  ///   sample has, with it k > 0 where there is none
  void draw(const index_view& anchors, const random_stream& random, const matrix_view<index>& negatives,
            bool replacement = false) const {
    const index k = negatives.columns;
    if (anchors.size() != negatives.rows)
      fail("negative_sampler: samples has ", anchors.size(), " entries, negatives has ", negatives.rows, " rows");
    for (index r = 0; r < anchors.size(); ++r) {
      if (anchors[r] < 0 || anchors[r] >= samples())
        fail("samples[", r, "] is ", anchors[r], ", must lie in [0, ", samples(), ")");
      if (const index have = available(anchors[r]); replacement ? k > 0 && have == 0 : k > have)
        fail("negatives has ", k, " columns, samples[", r, "] has ", have, " negatives");
    }
    for (index r = 0; r < anchors.size(); ++r) {
      const auto [first, count] = own_[static_cast<std::size_t>(anchors[r])];
      const index have = samples() - count;
      const auto at = [&, first = first, count = count](index place) {
        return order_[static_cast<std::size_t>(place < first ? place : place + count)];
      };
      const auto counter = [&](index i) { return static_cast<std::uint64_t>(r * std::max(samples(), k) + i); };
      if (replacement) {
        for (index j = 0; j < k; ++j)
          negatives(r, j) = at(static_cast<index>(random.below(static_cast<std::uint64_t>(have), counter(j))));
        continue;
      }
      // Each in turn with the probability that is due. Source: Knuth, The Art of Computer Programming 2, 3.4.2 S.
      for (index place = 0, taken = 0; taken < k; ++place)
        if (random.uniform(counter(place)) * static_cast<double>(have - place) < static_cast<double>(k - taken))
          negatives(r, taken++) = at(place);
    }
  }

 private:
  struct run {
    index first, count;
  };
  std::vector<index> order_;  // sorted by class
  std::vector<run> own_;      // where a sample's class is among them
};

DISTILL_NAMESPACE_END
