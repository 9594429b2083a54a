#pragma once

#include "../pair/comparison/point_transport.hpp"
#include "../pair/objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// Entropic transport without its bias: how far two sets of points lie apart.
///   value     OT_ε(x, y) − OT_ε(x, x)/2 − OT_ε(y, y)/2,  OT_ε as sinkhorn's entropic value
///   features  of all three: dx_i = Σ_j (P_ij ∂c(x_i, y_j) − (Q_ij + Q_ji)/2 ∂c(x_i, x_j)),  P and Q the plans
/// Positive unless the sets are equal, where value and gradient are 0. For small ε optimal transport, for large ε the
/// mean of c(x, y) less half the mean of c within either set. That holds of converged plans: after few iterations the
/// value may be a little below 0, and at equal sets the gradient is what the plan lacks of symmetry; the value there is
/// exactly 0. Near sets are a difference of larger numbers: the rounding is that of OT_ε(x, y). Features: n and m
/// samples in rows, of the same width. NaN or infinity: NaN.
/// @throws convergence_error  `tolerance` was asked for, not reached by one of the three, and there is no `report`
/// Source: Feydy et al. 2019, arXiv 1810.08278; Genevay et al. 2018, arXiv 1706.00292.
struct sinkhorn_divergence {
  double epsilon = 0.1;
  index iterations = 100;
  double tolerance = 0;  ///< of the marginals, relative to the mass; 0: all iterations, no claim
  ground_cost cost = ground_cost::squared_l2;
  transport_gradient gradient = transport_gradient::envelope;
  transport_form form = transport_form::log_domain;
  epsilon_schedule annealing{};
  transport_report* report = nullptr;  ///< what became of the items of the last call, three problems each

  static constexpr pair_info info{.name = "sinkhorn_divergence",
                                  .formula = "OT_ε(x, y) − OT_ε(x, x)/2 − OT_ε(y, y)/2",
                                  .source = "Feydy et al. 2019, arXiv 1810.08278",
                                  .input = "samples × features",
                                  .nonnegative = false,
                                  .zero_at_equality = false,
                                  .same_width = true};

  auto representation() const { return chain(); }
  auto comparison() const {
    return point_divergence{.solver = detail::solver_of(*this), .cost = cost, .report = report};
  }
};

DISTILL_NAMESPACE_END
