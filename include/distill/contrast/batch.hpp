// The arguments of every call on a contrastive objective.
#pragma once

#include "../config.hpp"
#include "../core/matrix_view.hpp"
#include "../core/parallel.hpp"
#include "../row/batch.hpp"

DISTILL_NAMESPACE_BEGIN

/// Rows of features, samples in rows; lengths do not matter, cosines are compared. What the objective does not use
/// stays empty.
template <class T>
struct contrast_batch {
  matrix_view<const T> anchors{};  ///< n × width, the student's
  matrix_view<const T> keys{};     ///< what they meet: the teacher's, or the other view
  /// Further keys, constants: `queue.keys()` of a memory_queue, or rows at length 1 of any kind. They are used as they
  /// are, in place.
  matrix_view<const T> queue{};
  index_view labels{};  ///< what the objective says
};

/// Where gradients go; empty where they are not wanted. Shapes are those of the inputs, strides may differ.
template <class T>
struct contrast_gradients {
  matrix_view<T> anchors{};
  matrix_view<T> keys{};
  double* temperature = nullptr;  ///< one number: ∂(final loss)/∂temperature
};

/// Everything about a call that is not data.
struct contrast_options {
  double upstream = 1;  ///< ∂(final loss)/∂(this value)
  store_mode store = store_mode::overwrite;
  distill::execution execution{};
  /// Anchors are taken so many at a time that this many similarities, or one anchor's, are in memory.
  index largest_tile = index{1} << 22;
};

DISTILL_NAMESPACE_END
