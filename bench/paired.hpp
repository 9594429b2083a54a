// Ratios that survive a noisy machine: the two sides are timed in turn, and the median of the pairs' ratios is
// reported.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

namespace bench {

inline double median(std::vector<double> samples) {
  const auto middle = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2);
  std::nth_element(samples.begin(), middle, samples.end());
  return *middle;
}

struct pairing {
  double subject_seconds = 0;   ///< median, one call
  double baseline_seconds = 0;  ///< median, one call
  double ratio = 0;             ///< median over the pairs
};

template <class Call>
double seconds(Call& call, int repeats) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < repeats; ++i) call();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / repeats;
}

/// Times `baseline` and `subject` alternately, `pairs` times, each sample at least `sample_seconds` long. Both are
/// warm.
template <class Baseline, class Subject>
pairing interleaved(Baseline&& baseline, Subject&& subject, int pairs = 11, double sample_seconds = 0.01) {
  const auto repeats = [&](auto& call) {
    call();
    return std::max(1, static_cast<int>(sample_seconds / std::max(1e-9, seconds(call, 1))));
  };
  const int baseline_repeats = repeats(baseline), subject_repeats = repeats(subject);
  std::vector<double> b, s, ratio;
  for (int p = 0; p < pairs; ++p) {
    b.push_back(seconds(baseline, baseline_repeats));
    s.push_back(seconds(subject, subject_repeats));
    ratio.push_back(s.back() / b.back());
  }
  return {median(s), median(b), median(ratio)};
}

}  // namespace bench
