// What every objective with labels says about a bad one.
#pragma once

#include "../../core/error.hpp"
#include "../../core/matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

inline void require_label(index row, index label, index columns, index ignore_index) {
  if (label != ignore_index && (label < 0 || label >= columns))
    fail("labels[", row, "] is ", label, ", must lie in [0, ", columns, ") or be ignore_index (", ignore_index, ")");
}

}  // namespace detail
DISTILL_NAMESPACE_END
