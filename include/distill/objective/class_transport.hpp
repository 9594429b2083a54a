#pragma once

#include "../pair/comparison/row_transport.hpp"
#include "../pair/objective.hpp"
#include "../pair/stage/softmax_rows.hpp"

DISTILL_NAMESPACE_BEGIN

/// What it costs to carry a row's probability from the student's classes to the teacher's, where classes lie apart as
/// `ground` says.
///   value     mean_i of min over P of ⟨P, M⟩ + ε KL(P ‖ p_s p_tᵀ), rows of P sum to p_s, columns to p_t (entropic);
///             or ⟨P, M⟩ of that P (cost);  p = softmax(z/T)
///   logits    p ∘ (g − ⟨p, g⟩)/T with g = ∂value/∂p: the potentials f, g themselves for `envelope`
/// Both are of the plan after `iterations` (see sinkhorn_options). Classes whose probability is 0 take no part and get
/// no gradient. With 0 on the diagonal of M and 1 elsewhere (no `ground`) it is total variation, smoothed. For classes
/// on a line see wasserstein_1d, which is exact. Nonnegative where M is. Not 0 at equality, but for ε → 0. Features:
/// logits, samples × C classes. `ground` is C×C, from the student's class to the teacher's; it is viewed, not copied,
/// and must outlive the call. NaN in a row: NaN.
/// @throws argument_error  `ground` not C×C, or not finite
/// @throws convergence_error  `tolerance` was asked for, not reached, and there is no `report`
/// Source: Frogner et al. 2015, arXiv 1506.05439; Cuturi 2013, arXiv 1306.0895.
struct class_transport {
  matrix_view<const double> ground{};
  double temperature = 1;
  double epsilon = 0.1;
  index iterations = 50;
  double tolerance = 0;  ///< of the marginals; 0: all iterations, no claim
  transport_value value = transport_value::entropic;
  transport_gradient gradient = transport_gradient::envelope;
  transport_form form = transport_form::log_domain;
  epsilon_schedule annealing{};
  transport_report* report = nullptr;  ///< what became of the rows of the last call

  static constexpr pair_info info{.name = "class_transport",
                                  .formula = "mean_i min over P of ⟨P, M⟩ + ε KL(P ‖ p_s p_tᵀ), M between classes",
                                  .source = "Frogner et al. 2015, arXiv 1506.05439",
                                  .input = "samples × classes (logits)",
                                  .zero_at_equality = false,
                                  .same_width = true};

  auto representation() const { return chain(softmax_rows{temperature}); }
  auto comparison() const {
    return mass_transport{.solver = detail::solver_of(*this), .ground = ground, .report = report};
  }
};

DISTILL_NAMESPACE_END
