// How slowly a moving average follows.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN

/// Momentum of step 0, 1, …: from `first` to `last` along half a cosine over `steps`, then `last`:
///   m = last − (last − first) · ½ (1 + cos(π step/steps))
/// With `warm_up` never more than step/(step + 1): the average is a plain mean at first. Constant where first = last.
///
/// Source: Grill et al. 2020 (BYOL), arXiv 2006.07733; warm-up as in the code of Tarvainen and Valpola 2017.
struct momentum_schedule {
  double first = 0.996, last = 1;
  index steps = 1;
  bool warm_up = false;

  /// @throws argument_error  step negative, steps < 1, first or last outside [0, 1]
  double operator()(index step) const {
    if (step < 0) fail("momentum_schedule: step is ", step, ", must not be negative");
    if (steps < 1) fail("momentum_schedule: steps is ", steps, ", must be at least 1");
    for (const double m : {first, last})
      if (!(m >= 0 && m <= 1)) fail("momentum_schedule: momentum is ", m, ", must lie in [0, 1]");
    const double done = std::min(static_cast<double>(step) / static_cast<double>(steps), 1.0);
    const double m = last - (last - first) * 0.5 * (1 + std::cos(std::numbers::pi * done));
    return warm_up ? std::min(m, static_cast<double>(step) / static_cast<double>(step + 1)) : m;
  }
};

DISTILL_NAMESPACE_END
