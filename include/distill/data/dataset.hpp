// Features and labels where they lie.
#pragma once

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN
namespace data {

/// A view: one row of features for each sample, images flattened, and a label for each or none at all. Stored is what
/// the features lie in memory as: float, double, or the bytes of an image file.
template <class Stored>
struct dataset {
  matrix_view<const Stored> features{};
  index_view labels{};

  index size() const { return features.rows; }
  /// @throws argument_error  no rows, or labels for another number of them
  void check(const char* who) const {
    if (features.rows < 1 || features.columns < 1)
      fail(who, ": features are ", features.rows, " x ", features.columns, ", at least 1 x 1 expected");
    if (labels && labels.size() != features.rows)
      fail(who, ": ", labels.size(), " labels, ", features.rows, " rows of features");
  }
};

}  // namespace data
DISTILL_NAMESPACE_END
