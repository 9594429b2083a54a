#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"
#include "squared_hellinger.hpp"

DISTILL_NAMESPACE_BEGIN

/// Hellinger distance, the root of squared_hellinger.
///   value     T² √(½ Σ (√p_s - √p_t)²)
///   gradients those of the square divided by 2 √(…)
/// At p_s = p_t it has a kink; value and gradient are 0 there.
/// Source: Hellinger 1909, doi 10.1515/crll.1909.136.210.
struct hellinger {
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "hellinger",
                                       .formula = "T² √(½ Σ (√p_s − √p_t)²)",
                                       .source = "Hellinger 1909, doi 10.1515/crll.1909.136.210",
                                       .gradient = "that of H² over 2 H",
                                       .systems = "f-divergence surveys",
                                       .symmetric = true,
                                       .smooth = false};

  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V> operator()(const element<V>& x) const {
    return squared_hellinger{}(x);
  }
  template <class Number>
  folded<1, Number> fold(const std::array<Number, 1>& sum) const {
    using std::sqrt;
    const Number distance = sqrt(sum[0]);
    return {distance, {distance == 0 ? Number(0) : 0.5 / distance}};
  }
};

DISTILL_NAMESPACE_END
