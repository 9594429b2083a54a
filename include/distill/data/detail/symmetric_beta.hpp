// Beta(α, α).
#pragma once

#include <cmath>
#include <cstdint>

#include "../../config.hpp"
#include "../../core/random.hpp"

DISTILL_NAMESPACE_BEGIN
namespace data::detail {

/// The logarithm of a Gamma(α, 1) variate, which for small α is far below the smallest number. Source: G. Marsaglia,
/// W. Tsang, "A simple method for generating gamma variables", ACM TOMS 26 (2000), and for α < 1 its section 6.
inline double log_gamma_variate(double alpha, const random_stream& random) {
  const double d = (alpha < 1 ? alpha + 1 : alpha) - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (std::uint64_t draw = 1;; draw += 2) {
    const double x = random.normal(draw), root = 1 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root, u = 1 - random.uniform(draw + 1);
    if (std::log(u) > x * x / 2 + d - d * v + d * std::log(v)) continue;
    return std::log(d * v) + (alpha < 1 ? std::log(1 - random.uniform(0)) / alpha : 0);
  }
}

/// X / (X + Y) of two Gamma variates; 0 or 1 where α is so small that one of them outweighs the other by far.
inline double symmetric_beta(double alpha, const random_stream& random) {
  const double x = log_gamma_variate(alpha, random_stream(random.bits(0), 0)),
               y = log_gamma_variate(alpha, random_stream(random.bits(0), 1));
  return 1 / (1 + std::exp(y - x));
}

}  // namespace data::detail
DISTILL_NAMESPACE_END
