#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// log cosh of the logit difference: DHKD's loss on its auxiliary head, KL from a fair coin to σ((z_s - z_t)/T).
///   value     T² Σ log cosh(x),  x = (z_s - z_t)/(2T)
///   student   T/2 tanh(x)
///   teacher   the negative of that
/// A class masked on one side only: value +inf, gradient ±T/2.
/// Source: Yang et al. 2024 (DHKD), arXiv 2411.08937, as coded (BinaryKLNorm).
struct log_cosh {
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "log_cosh",
                                       .formula = "T² Σ log cosh((z_s − z_t)/(2T))",
                                       .source = "Yang et al. 2024 (DHKD), arXiv 2411.08937, as coded",
                                       .gradient = "T/2 tanh((z_s − z_t)/(2T))",
                                       .systems = "DHKD",
                                       .symmetric = true,
                                       .shift_invariant = false};

  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V> operator()(const logit_pair<V>& x) const {
    const V zero(lane_scalar<V>(0)), one(lane_scalar<V>(1)), one_half(lane_scalar<V>(0.5));
    const V size = one_half * lane<V>::abs(x.difference);
    const V decay = expm1_nonpositive(zero - (size + size));  // e^{-2|x|} - 1
    const V tangent = (zero - decay) / (one + one + decay);
    // -½ log(1 - tanh²) near 0, |x| + log((1 + e^{-2|x|})/2) elsewhere: one logarithm serves both.
    const auto near = size < one_half;
    const V log = natural_log1p(lane<V>::select(near, zero - tangent * tangent, one_half * decay));
    const V slope = one_half * lane<V>::select(x.difference < zero, zero - tangent, tangent);
    return {lane<V>::select(near, zero - one_half * log, size + log), slope, zero - slope};
  }
};

DISTILL_NAMESPACE_END
