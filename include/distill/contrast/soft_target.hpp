// A softmax compared with targets that have a temperature of their own.
#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// Cross-entropy of the student's softmax at `temperature` with the teacher's at `target_temperature`; with `relative`
/// less the targets' entropy, which makes it a divergence.
///   value     −Σ p_t log p_s,  relative: Σ p_t (log p_t − log p_s)
///   student   (p_s − p_t)/T
struct soft_target {
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::none;
  row_parameter target_temperature = 1;
  bool relative = false;

  static constexpr bool reads_log_probabilities = true;
  static constexpr objective_info info{.name = "soft_target",
                                       .formula = "−Σ p_t log p_s",
                                       .source = "Hinton et al. 2015, arXiv 1503.02531",
                                       .gradient = "(p_s − p_t)/T",
                                       .zero_at_equality = false};

  site_pair sites() const {
    return {site{row_mix::of(input::student), temperature}, site{row_mix::of(input::teacher), target_temperature}};
  }

  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V> operator()(const element<V>& x) const {
    const V zero(lane_scalar<V>(0)), excess = x.pt_expm1();
    if (relative) return {x.pt_phi(), excess, zero - mass_times(x.p_t, x.d)};
    const V cost = zero - mass_times(x.p_t, x.log_s);
    return {cost, excess, cost};
  }
};

}  // namespace detail
DISTILL_NAMESPACE_END
