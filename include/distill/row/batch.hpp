// The arguments of every call on a row objective.
#pragma once

#include "../config.hpp"
#include "../core/matrix_view.hpp"
#include "../core/parallel.hpp"
#include "parameter.hpp"
#include "reduction.hpp"
#include "site.hpp"
#include "source.hpp"

DISTILL_NAMESPACE_BEGIN

/// N rows of C classes: `batch<float>{.student = z_s, .teacher = z_t, .labels = y}`. Logits (or log-probabilities) as
/// Eigen matrices, maps, blocks or matrix_view; what the objective does not use may stay empty.
template <class T>
struct batch {
  row_input<T> student{};
  row_input<T> teacher{};
  index_view labels{};  ///< N class ids

  const row_input<T>& operator[](input which) const { return which == input::student ? student : teacher; }
};

/// Where the gradients go: N × C each, overwritten unless options say accumulate. May be the input's own memory.
template <class T>
struct gradients {
  row_output<T> student{};
  row_output<T> teacher{};

  const row_output<T>& operator[](input which) const { return which == input::student ? student : teacher; }
};

enum class store_mode { overwrite, accumulate };

/// Everything about a call that is not data.
struct row_options {
  distill::reduction reduction = distill::reduction::mean();
  row_parameter weights = 1;   ///< of the rows; 0 removes a row, whatever it holds
  index_view mask{};           ///< N numbers; 0 removes a row, whatever it holds
  row_parameter upstream = 1;  ///< ∂(final loss)/∂(this value), one number, or one a row
  store_mode store = store_mode::overwrite;
  distill::execution execution{};
};

DISTILL_NAMESPACE_END
