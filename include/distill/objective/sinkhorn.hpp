#pragma once

#include "../pair/comparison/point_transport.hpp"
#include "../pair/objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// Entropic optimal transport from the student's rows to the teacher's, in any order.
///   value     entropic: min over P of Σ P_ij c(x_i, y_j) + ε KL(P ‖ 1/(n m)),  rows of P sum to 1/n, columns to 1/m;
///             cost: Σ P_ij c(x_i, y_j) of that P
///   features  dx_i = Σ_j W_ij ∂c(x_i, y_j)/∂x_i,  W = ∂value/∂C: the plan itself for `envelope`
/// Both are of the plan after `iterations` (see sinkhorn_options): the envelope is the gradient once the plan has
/// converged, `unrolled` at any time. Not 0 for equal sets: see sinkhorn_divergence. ε is in the units of the cost; as
/// it grows, the value becomes the mean cost of all pairs. Features: n and m samples in rows, of the same width; 2 n m
/// numbers of memory. NaN or infinity: NaN.
/// @throws convergence_error  `tolerance` was asked for, not reached, and there is no `report`
/// Source: Cuturi 2013, arXiv 1306.0895; Feydy et al. 2019, arXiv 1810.08278 (envelope).
struct sinkhorn {
  double epsilon = 0.1;
  index iterations = 50;
  double tolerance = 0;  ///< of the marginals, relative to the mass; 0: all iterations, no claim
  ground_cost cost = ground_cost::squared_l2;
  transport_value value = transport_value::entropic;
  transport_gradient gradient = transport_gradient::envelope;
  transport_form form = transport_form::log_domain;
  epsilon_schedule annealing{};
  transport_report* report = nullptr;  ///< what became of the items of the last call

  static constexpr pair_info info{.name = "sinkhorn",
                                  .formula = "min over P of ⟨P, C⟩ + ε KL(P ‖ 1/(n m)), C costs between the rows",
                                  .source = "Cuturi 2013, arXiv 1306.0895",
                                  .input = "samples × features",
                                  .zero_at_equality = false,
                                  .same_width = true};

  auto representation() const { return chain(); }
  auto comparison() const {
    return point_transport{.solver = detail::solver_of(*this), .cost = cost, .report = report};
  }
};

DISTILL_NAMESPACE_END
