// What a network takes the samples of each class for, on average.
#pragma once

#include <type_traits>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"
#include "../core/stable_softmax.hpp"
#include "class_means.hpp"

DISTILL_NAMESPACE_BEGIN

/// Adds softmax(logits), N × C, to the means of the samples' classes: one pass of a teacher over the training set makes
/// the table of its class-mean probabilities.
///   class_means<float> means(10, 10);
///   for (…) add_probabilities(means, teacher_logits, labels);
/// A sample with a label of -1 is passed over. Allocates.
/// @throws argument_error  what class_means::add throws
template <class T>
void add_probabilities(class_means<T>& to, const matrix_view<const std::type_identity_t<T>>& logits,
                       const index_view& labels) {
  std::vector<T> table(static_cast<std::size_t>(logits.rows * logits.columns));
  std::vector<double> row(static_cast<std::size_t>(logits.columns));
  auto out = table.begin();
  for (index r = 0; r < logits.rows; ++r) {
    stable_softmax(logits, r, row.data());
    for (const double p : row) *out++ = static_cast<T>(p);
  }
  to.add({table.data(), logits.rows, logits.columns}, labels);
}

DISTILL_NAMESPACE_END
