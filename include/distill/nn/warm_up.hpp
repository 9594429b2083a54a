// A slow start before any schedule.
#pragma once

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// A linear rise to the first rate of another schedule, which begins when it is reached:
///
///     step < steps:  then(0) · (step + 1) / steps
///     else:          then(step − steps)
///
///     const nn::warm_up rate{500, nn::step_schedule{.first = 0.1, .every = 10000}};
template <class Schedule>
struct warm_up {
  index steps = 0;
  Schedule then{};

  /// The rate of step 0, 1, …; @throws argument_error  step or steps negative
  double operator()(index step) const {
    if (step < 0) fail("warm_up: step is ", step, ", at least 0 expected");
    if (steps < 0) fail("warm_up: steps is ", steps, ", at least 0 expected");
    if (step < steps) return then(0) * static_cast<double>(step + 1) / static_cast<double>(steps);
    return then(step - steps);
  }
};

template <class Schedule>
warm_up(index, Schedule) -> warm_up<Schedule>;

}  // namespace nn
DISTILL_NAMESPACE_END
