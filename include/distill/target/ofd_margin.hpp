// Where a teacher's channel counts as inactive: the margin of overhaul's margin ReLU.
#pragma once

#include <algorithm>
#include <cmath>

#include "../config.hpp"

DISTILL_NAMESPACE_BEGIN

/// How ofd_margin treats channels that are hardly ever negative.
enum class margin_tail {
  exact,     ///< the expectation, however small the share of negative values
  published  ///< −3 |gamma| where that share is at most 0.001, as published code has it: a jump from −0.28 |gamma|
};

/// The mean of the negative values of a batch-normalised channel, E[x | x < 0] for x ~ N(beta, gamma²):
///   beta − |gamma| φ(z)/Φ(−z),  z = beta/|gamma|
/// Never positive; min(beta, 0) where gamma = 0, and the limits where a parameter is infinite. For z > 2 as
/// −|gamma|/(z + 2/(z + 3/(z + …))), Laplace's continued fraction of Φ(−z)/φ(z) less its first z: no cancellation, no
/// underflow. Relative error 1e-14.
/// Source: Heo et al. 2019 (overhaul), arXiv 1904.01866.
inline double ofd_margin(double beta, double gamma, margin_tail tail = margin_tail::exact) {
  const double size = std::abs(gamma);
  if (std::isnan(beta) || std::isnan(gamma)) return beta + gamma;
  if (size == 0) return std::min(beta, 0.0);
  if (std::isinf(size)) return -size;
  const double z = beta / size;
  const double share = 0.5 * std::erfc(z * 0.70710678118654752440);  // Φ(−z)
  if (tail == margin_tail::published && !(share > 0.001)) return -3 * size;
  if (z <= 2) {
    constexpr double inverse_root = 0.39894228040143267794;  // 1/√(2π)
    return beta - size * (inverse_root * std::exp(-0.5 * z * z) / share);
  }
  double fraction = z;
  for (int k = 120; k >= 2; --k) fraction = z + k / fraction;
  return -size / fraction;
}

DISTILL_NAMESPACE_END
