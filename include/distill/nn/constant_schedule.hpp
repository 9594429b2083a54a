// A learning rate that stays.
#pragma once

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// The same rate at every step: for where a schedule is asked for, or behind a warm_up.
struct constant_schedule {
  double rate = 0.1;

  /// @throws argument_error  step negative
  double operator()(index step) const {
    if (step < 0) fail("constant_schedule: step is ", step, ", at least 0 expected");
    return rate;
  }
};

}  // namespace nn
DISTILL_NAMESPACE_END
