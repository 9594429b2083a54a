#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"
#include "detail/rest.hpp"
#include "detail/target_class.hpp"
#include "soft_cross_entropy.hpp"

DISTILL_NAMESPACE_BEGIN

/// Normalised knowledge distillation: the target's loss weighed by the teacher's trust, and the rest among themselves.
///   value     -p_t,y log p_s,y - γ T² Σ_{j≠y} q_t,j log q_s,j,  p at temperature 1, q over the classes but y at T
///   student   p_t,y (p_s - e_y) + γ T (q_s - q_t)
///   teacher   the whole derivative likewise
/// The teacher's entropy is not subtracted. A student that masks the label: value +inf, no gradient to the teacher from
/// it. Rows with label `ignore_index` do not take part. Source: Yang et al. 2023, arXiv 2303.13005
struct nkd {
  double gamma = 1.5;
  index ignore_index = -100;
  row_parameter temperature = 1;  ///< of the second part
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "nkd",
                                       .formula = "−p_t,y log p_s,y − γ T² Σ_{j≠y} q_t,j log q_s,j",
                                       .source = "Yang et al. 2023, arXiv 2303.13005",
                                       .gradient = "p_t,y (p_s − e_y) + γ T (q_s − q_t)",
                                       .systems = "NKD",
                                       .uses_labels = true,
                                       .zero_at_equality = false};

  struct trust {
    template <class Number>
    folded<1, Number> operator()(Number p) const {
      return {p, {Number(1)}};
    }
  };
  auto expression() const {
    return 1.0 * detail::trusted_cross_entropy<trust>{.ignore_index = ignore_index} +
           gamma * detail::rest_of<soft_cross_entropy>{{{temperature, scaling}, ignore_index}};
  }
};

DISTILL_NAMESPACE_END
