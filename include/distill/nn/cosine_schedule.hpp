// Learning rate over a training run.
#pragma once

#include <cmath>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// A linear rise over `warm_up` steps, then half a cosine down to `last`:
///
///     step < warm_up:  peak · (step + 1) / warm_up
///     else:            last + (peak − last) · ½ (1 + cos(π (step − warm_up) / (steps − warm_up)))
///
/// Steps beyond the end stay at `last`. source: I. Loshchilov, F. Hutter, "SGDR", ICLR 2017, eq. 5, one cycle.
struct cosine_schedule {
  double peak = 0.1;
  index steps = 1;
  index warm_up = 0;
  double last = 0;

  /// The rate of step 0, 1, …; @throws argument_error  step negative, or warm_up outside [0, steps]
  double operator()(index step) const {
    if (step < 0) fail("cosine_schedule: step is ", step, ", at least 0 expected");
    if (warm_up < 0 || warm_up > steps)
      fail("cosine_schedule: warm_up is ", warm_up, ", 0 to steps = ", steps, " expected");
    if (step < warm_up) return peak * static_cast<double>(step + 1) / static_cast<double>(warm_up);
    if (step >= steps) return last;
    const double done = static_cast<double>(step - warm_up) / static_cast<double>(steps - warm_up);
    return last + (peak - last) * 0.5 * (1 + std::cos(3.14159265358979324 * done));
  }
};

}  // namespace nn
DISTILL_NAMESPACE_END
