// The arguments of every call on a row objective.
#pragma once

#include "../config.hpp"
#include "../core/dual.hpp"
#include "../core/matrix_view.hpp"
#include "../core/parallel.hpp"
#include "parameter.hpp"
#include "reduction.hpp"
#include "site.hpp"
#include "source.hpp"

DISTILL_NAMESPACE_BEGIN

/// N rows of C classes of T, a number_type: `batch<float>{.student = z_s, .teacher = z_t, .labels = y}`. Logits (or
/// log-probabilities) as Eigen matrices, maps, blocks or matrix_view; what the objective does not use may stay empty.
template <class T>
struct batch {
  row_input<T> student{};
  row_input<T> teacher{};
  index_view labels{};       ///< N class ids
  stored_teacher stored{};   ///< for objectives over a teacher's top classes
  row_input<T> auxiliary{};  ///< a third network's rows, for objectives that name it

  const row_input<T>& operator[](input which) const {
    return which == input::student ? student : which == input::teacher ? teacher : auxiliary;
  }
};

/// Where the gradients go: N × C each, overwritten unless options say accumulate. May be the input's own memory.
template <class T>
struct gradients {
  row_output<T> student{};
  row_output<T> teacher{};
  row_output<T> auxiliary{};
  /// N × leaves: in row r and column k what leaf k's temperature receives from row r, ∂(total)/∂T. For a learnable
  /// temperature that all rows share, add up the column.
  matrix_view<wide<T>> temperature{};

  const row_output<T>& operator[](input which) const {
    return which == input::student ? student : which == input::teacher ? teacher : auxiliary;
  }
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
