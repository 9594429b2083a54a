// A temperature that is learned against the student.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

#include "../config.hpp"
#include "../core/error.hpp"

DISTILL_NAMESPACE_BEGIN

/// Curriculum temperature: T = lowest + range · σ(θ), trained to make the loss larger, more so with every epoch.
///   curriculum_temperature tau;
///   value_and_gradient(kl{.temperature = tau.value()}, in, {.student = dz, .temperature = dT});
///   tau.step(Σ_rows dT, epoch, rate);     θ -= rate · λ(epoch) · dL/dT · dT/dθ, λ from 0 down to -1: ascent
/// Source: Li et al. 2023 (CTKD), arXiv 2211.16231; ranges as in its code, where T lies in (1, 21).
struct curriculum_temperature {
  double lowest = 1, range = 20;
  double theta = 0;    ///< the learned number
  double epochs = 10;  ///< until λ has reached its end
  double first = 0, last = -1;

  double value() const { return lowest + range * sigmoid(); }
  /// dT/dθ
  double slope() const { return range * sigmoid() * (1 - sigmoid()); }
  /// λ of epoch 0, 1, …: from `first` to `last` along a cosine.
  double strength(double epoch) const {
    if (!(epochs > 0)) fail("curriculum_temperature: epochs is ", epochs, ", must be positive");
    const double done = std::clamp(epoch / epochs, 0.0, 1.0);
    return last + (first - last) * (1 + std::cos(std::numbers::pi * done)) / 2;
  }
  /// One descent step on λ L, `to_temperature` = dL/dT.
  void step(double to_temperature, double epoch, double rate) {
    theta -= rate * strength(epoch) * to_temperature * slope();
  }

 private:
  double sigmoid() const { return 1 / (1 + std::exp(-theta)); }
};

DISTILL_NAMESPACE_END
