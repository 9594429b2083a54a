// What is wrong with a recipe's options, before anything is recorded.
#pragma once

#include <cmath>
#include <string_view>

#include "../../config.hpp"
#include "../../core/error.hpp"
#include "../lesson.hpp"

DISTILL_NAMESPACE_BEGIN
namespace recipes::detail {

/// `what` is "taid: labels". @throws argument_error  unless it is finite and at least 0
inline void require_weight(std::string_view what, double value) {
  if (!(value >= 0) || std::isinf(value)) fail(what, " is ", value, ", finite and at least 0 expected");
}
/// @throws argument_error  unless it is finite and above 0
inline void require_positive(std::string_view what, double value) {
  if (!(value > 0) || std::isinf(value)) fail(what, " is ", value, ", finite and above 0 expected");
}
/// @throws argument_error  unless it lies in [0, 1]
inline void require_share(std::string_view what, double value) {
  if (!(value >= 0 && value <= 1)) fail(what, " is ", value, ", 0 to 1 expected");
}

/// The classes of the lesson, one a sample. @throws argument_error  unless there are as many
template <class T>
const index_view& require_classes(std::string_view who, const lesson<T>& lesson) {
  const index samples = lesson.input.shape.rank() == 0 ? 0 : lesson.input.shape[0];
  if (lesson.classes.size() != samples)
    fail(who, ": the lesson's classes have ", lesson.classes.size(), " entries, ", samples, " expected");
  return lesson.classes;
}

}  // namespace recipes::detail
DISTILL_NAMESPACE_END
