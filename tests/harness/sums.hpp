// A sum of objectives beside the sum of separate calls.
#pragma once

#include <doctest/doctest.h>

#include "harness/problem.hpp"

namespace harness {

/// Adds weight · part to the sum that `whole` should be.
template <class T>
void add(answer<T>& whole, double weight, const answer<T>& part) {
  whole.value += weight * part.value;
  whole.student.resize(part.student.size()), whole.teacher.resize(part.teacher.size());
  for (std::size_t i = 0; i < part.student.size(); ++i) {
    whole.student[i] += static_cast<T>(weight) * part.student[i];
    whole.teacher[i] += static_cast<T>(weight) * part.teacher[i];
  }
}

template <class T, class Sum>
void check_sum(const Sum& sum, const answer<T>& expected, const problem<T>& p, double temperature,
               const distill::row_options& options = {.reduction = distill::reduction::sum()}) {
  CAPTURE(p.columns);
  CHECK(distance(solve(sum, p, options), expected, temperature) <= 16);
}

/// Columns of short rows, of rows with a ragged end, of several blocks.
inline constexpr int lengths[] = {10, 65, 200};

}  // namespace harness
