// How far a target has moved from the student to the teacher.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>

#include "../config.hpp"
#include "../core/error.hpp"

DISTILL_NAMESPACE_BEGIN

/// As published. `adaptive` false: the straight line from `first` to `last` alone.
struct taid_schedule_options {
  double first = 0.4, last = 1;
  double rate = 5e-4;      ///< α
  double momentum = 0.99;  ///< β
  bool adaptive = true;
};

/// TAID's t, the teacher's share in the target: it grows with the training, and faster while the loss falls.
///
///     m ← β m + (1 − β) (L′ − L)/(L′ + 1e-15),  L′ the loss before
///     t ← min(last, max(first + (last − first) · progress, t + α σ(m) (1 − t)))
///
/// The first loss is only remembered. t never falls. A loss that is not finite is passed over: it would be in m for
/// good. A plain value: copy it to save it, assign it to restore it.
/// Source: Shing et al. 2025, arXiv 2501.16937, §3.2, in the form of SakanaAI/TAID.
class taid_schedule {
 public:
  /// @throws argument_error  first and last not in [0, 1] in this order, rate negative, momentum not in [0, 1)
  explicit taid_schedule(const taid_schedule_options& options = {}) : options_(options), t_(options.first) {
    const taid_schedule_options& o = options;
    if (!(o.first >= 0 && o.first <= o.last && o.last <= 1))
      fail("taid_schedule: first and last are ", o.first, " and ", o.last, ", 0 <= first <= last <= 1 expected");
    if (!(o.rate >= 0) || std::isinf(o.rate))
      fail("taid_schedule: rate is ", o.rate, ", finite and at least 0 expected");
    if (!(o.momentum >= 0 && o.momentum < 1))
      fail("taid_schedule: momentum is ", o.momentum, ", at least 0 and below 1 expected");
  }

  double t() const { return t_; }
  /// m: by which share the loss falls from step to step, in the running mean.
  double trend() const { return trend_; }

  /// After a step that found `loss` with the present t. @throws argument_error  progress not in [0, 1]
  void update(double loss, double progress) {
    if (!(progress >= 0 && progress <= 1)) fail("taid_schedule: progress is ", progress, ", 0 to 1 expected");
    const double line = options_.first + (options_.last - options_.first) * progress;
    if (!options_.adaptive) {
      t_ = std::max(t_, line);
      return;
    }
    if (!std::isfinite(loss)) return;
    if (before_) {
      trend_ = options_.momentum * trend_ + (1 - options_.momentum) * (*before_ - loss) / (*before_ + 1e-15);
      const double step = options_.rate / (1 + std::exp(-trend_)) * (1 - t_);
      t_ = std::min(options_.last, std::max(line, t_ + step));
    }
    before_ = loss;
  }

 private:
  taid_schedule_options options_;
  double t_, trend_ = 0;
  std::optional<double> before_;
};

DISTILL_NAMESPACE_END
