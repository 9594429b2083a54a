// How often a student learns from sequences of its own.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "../config.hpp"
#include "../core/error.hpp"

DISTILL_NAMESPACE_BEGIN

/// Where the sequences of a step come from: the training set, the student that is asked for new ones, what it wrote
/// before.
enum class sequence_source { fixed, generated, replayed };

/// How the share of steps with new sequences changes in the course of the training: falls to 0, stays, rises from 0.
enum class fresh_share { decreasing, constant, increasing };

/// A share φ of the steps learns from the student's own sequences, and φ grows whenever the student has become worse on
/// the validation set: what it then lacks is not more of the training set.
///   ρ = φ (1 − p), φ/2 or φ p,  p how much of the training is done
///   a step with r uniform in [0, 1):   r < ρ, or r < φ while the buffer is not full:   new ones, into the buffer
///                                      else r < φ:                                     from the buffer
///                                      else:                                           the training set
///   after an evaluation of loss L:     L ≥ reference + tolerance:   φ ← min(1, φ + step), reference ← L
/// The first evaluation, before the training, only gives the reference. An evaluation that is better leaves it as it
/// is. A plain value: copy it to save it, assign it to restore it.
///
/// Source: Ko et al. 2024 (DistiLLM), arXiv 2402.03898, algorithm 1, as coded (finetune.py).
struct generation_threshold {
  double value = 0;  ///< φ
  double step = 0.1;
  double tolerance = 0.1;  ///< in units of the loss
  fresh_share share = fresh_share::decreasing;
  double reference = std::numeric_limits<double>::quiet_NaN();  ///< unknown at first

  /// @throws argument_error  value or step outside [0, 1], tolerance that is no number
  void validate() const {
    for (const auto& [name, x] : {named{"value", value}, named{"step", step}})
      if (!(x >= 0 && x <= 1)) fail("generation_threshold: ", name, " is ", x, ", must lie in [0, 1]");
    if (!std::isfinite(tolerance)) fail("generation_threshold: tolerance is ", tolerance, ", must be finite");
  }

  /// ρ. @throws argument_error  progress outside [0, 1]
  double fresh(double progress) const {
    if (!(progress >= 0 && progress <= 1)) fail("generation_threshold: progress is ", progress, ", must lie in [0, 1]");
    switch (share) {
      case fresh_share::decreasing: return value * (1 - progress);
      case fresh_share::constant: return value * 0.5;
      case fresh_share::increasing: return value * progress;
    }
    return 0;
  }

  /// @throws argument_error  draw outside [0, 1), progress outside [0, 1]
  sequence_source source(double draw, double progress, bool buffer_full) const {
    if (!(draw >= 0 && draw < 1)) fail("generation_threshold: draw is ", draw, ", must lie in [0, 1)");
    const bool fresh_one = draw < fresh(progress), own = draw < value;
    if (fresh_one || (own && !buffer_full)) return sequence_source::generated;
    return own ? sequence_source::replayed : sequence_source::fixed;
  }

  /// Whether φ has grown. @throws argument_error  a loss that is no number
  bool evaluated(double loss) {
    if (std::isnan(loss)) fail("generation_threshold: loss is ", loss, ", must be a number");
    const bool worse = loss >= reference + tolerance;
    if (worse) value = std::min(1.0, value + step);
    if (worse || !std::isfinite(reference)) reference = loss;  // the first finite one
    return worse;
  }

 private:
  struct named {
    const char* name;
    double x;
  };
};

DISTILL_NAMESPACE_END
