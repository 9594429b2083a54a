#pragma once

#include <limits>

#include "../../core/math.hpp"
#include "../../row/algebra.hpp"
#include "../../row/objective.hpp"

DISTILL_NAMESPACE_BEGIN

namespace detail {

/// Σ t log(t'/s') with t' = t + ε, s' = s + ε, of two rows of shares that add up to 1 each: formed as
/// Σ [(s' − t') − t' log(s'/t')] + ε Σ log(s'/t'), so that what adds up to zero is never added up. Slopes are those of
/// t log(t'/s') plus 1 in every entry, which shares do not feel: 1 − t/s' to the student, −log(s'/t') − ε/t' to the
/// teacher. A share s' = 0 under a positive t is worth +inf.
struct share_divergence {
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::none;
  double epsilon = 0;

  static constexpr objective_info info{.name = "share_divergence",
                                       .formula = "Σ t log((t + ε)/(s + ε))",
                                       .source = "PKT",
                                       .shift_invariant = false,
                                       .whole_derivative = false};

  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V> operator()(const logit_pair<V>& x) const {
    using scalar = lane_scalar<V>;
    const V zero(scalar(0)), e(static_cast<scalar>(epsilon)), infinite(std::numeric_limits<scalar>::infinity());
    const V s = x.student + e, t = x.teacher + e;
    const mass_comparison<V> compared = compare_masses(t, s, x.difference);
    const V value = compared.term + e * compared.log_ratio;
    const V answer = lane<V>::select(t == zero, s, lane<V>::select(s == zero, infinite, value));
    return {answer, lane<V>::select(s == zero, zero - infinite, (x.difference + e) / s),
            lane<V>::select(t == zero, zero, zero - compared.log_ratio - e / t)};
  }
};

}  // namespace detail

DISTILL_NAMESPACE_END
