// A learning rate in stairs.
#pragma once

#include <cmath>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// first · factor^⌊step / every⌋
struct step_schedule {
  double first = 0.1;
  index every = 1;
  double factor = 0.1;

  /// The rate of step 0, 1, …; @throws argument_error  step negative, every below 1
  double operator()(index step) const {
    if (step < 0) fail("step_schedule: step is ", step, ", at least 0 expected");
    if (every < 1) fail("step_schedule: every is ", every, ", at least 1 expected");
    return first * std::pow(factor, static_cast<double>(step / every));
  }
};

}  // namespace nn
DISTILL_NAMESPACE_END
