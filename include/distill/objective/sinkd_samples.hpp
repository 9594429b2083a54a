#pragma once

#include "../pair/comparison/row_transport.hpp"
#include "../pair/objective.hpp"
#include "../pair/stage/softmax_rows.hpp"

DISTILL_NAMESPACE_BEGIN

/// SinKD, sample-wise: the probabilities of a row as points on a line, carried to those of the teacher's row.
///   value     scale · mean_i Σ_cd P_cd |p_s,i[c] − p_t,i[d]|,  p = softmax(z/T), P after `iterations` of Sinkhorn
///   logits    dp_s[c] = Σ_d W_cd sign(p_s[c] − p_t[d]), sign(0) = 0, W through the iterations; then p ∘ (g − ⟨p, g⟩)/T
/// Classes need not correspond, nor be as many on both sides: as uld, smoothed. P has mass 1 in all; with `.mean =
/// false` 1 a class, as published. Probabilities are small, and so must ε be: as it grows P becomes the same for every
/// pair. Features: logits, rows of C_s and C_t classes; 2 C_s C_t numbers of memory a thread. NaN: NaN.
/// @throws convergence_error  `tolerance` was asked for, not reached, and there is no `report`
/// Source: Cui et al. 2024 (SinKD), arXiv 2402.17110.
struct sinkd_samples {
  double temperature = 2;
  double epsilon = 0.1;
  index iterations = 20;
  double scale = 1;
  bool mean = true;  ///< over the classes; false: their sum, as published
  double tolerance = 0;
  transport_gradient gradient = transport_gradient::unrolled;
  transport_form form = transport_form::log_domain;
  transport_report* report = nullptr;  ///< what became of the rows of the last call

  static constexpr pair_info info{
      .name = "sinkd_samples",
      .formula = "mean_i Σ P_cd |p_s,i[c] − p_t,i[d]|, P Sinkhorn's plan between the classes",
      .source = "Cui et al. 2024, arXiv 2402.17110",
      .input = "samples × classes (logits)",
      .systems = "SinKD",
      .zero_at_equality = false,
      .smooth = false};

  auto representation() const { return chain(softmax_rows{temperature}); }
  auto comparison() const {
    return entry_transport{.solver = detail::cost_solver_of(*this), .scale = scale, .mean = mean, .report = report};
  }
};

DISTILL_NAMESPACE_END
