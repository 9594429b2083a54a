#pragma once

#include "../pair/comparison/point_transport.hpp"
#include "../pair/objective.hpp"
#include "../pair/stage/softmax_rows.hpp"

DISTILL_NAMESPACE_BEGIN

/// SinKD, batch-wise: what it costs to carry the student's rows of probabilities to the teacher's, whichever row goes
/// where.
///   value     scale · Σ_ij P_ij ‖p_s,i − p_t,j‖₁,  p = softmax(z/T), P after `iterations` of Sinkhorn
///   logits    dp_s,i = Σ_j W_ij sign(p_s,i − p_t,j), sign(0) = 0, W through the iterations; then p ∘ (g − ⟨p, g⟩)/T
/// P has mass 1 in all: the value is a mean over the samples, of size ‖p_s − p_t‖₁ <= 2 for every batch size, and with
/// one sample just that. As published P has mass 1 a sample and the sum is weighed by 0.001 (0.0008 for text
/// generation):
/// `.scale = 0.001, .mean = false`. Equal batches are not worth 0: what entropy spreads has a cost. Without T².
/// Features: logits, B samples × C classes, the same on both sides; one item is a batch. 2 B² numbers of memory.
/// NaN: NaN; −∞ is a class without mass.
/// @throws convergence_error  `tolerance` was asked for, not reached, and there is no `report`
/// Source: Cui et al. 2024 (SinKD), arXiv 2402.17110; defaults as in the authors' code.
struct sinkd {
  double temperature = 2;
  double epsilon = 0.1;
  index iterations = 20;
  double scale = 1;
  bool mean = true;  ///< over the samples; false: their sum, as published
  double tolerance = 0;
  transport_gradient gradient = transport_gradient::unrolled;
  transport_form form = transport_form::log_domain;
  transport_report* report = nullptr;  ///< what became of the items of the last call

  static constexpr pair_info info{.name = "sinkd",
                                  .formula = "Σ P_ij ‖p_s,i − p_t,j‖₁, P Sinkhorn's plan between the samples",
                                  .source = "Cui et al. 2024, arXiv 2402.17110",
                                  .input = "samples × classes (logits)",
                                  .systems = "SinKD",
                                  .zero_at_equality = false,
                                  .same_width = true,
                                  .smooth = false};

  void validate(const feature_shape& student, const feature_shape& teacher) const {
    if (student.rows != teacher.rows) fail("sinkd: student has ", student.rows, " rows, teacher has ", teacher.rows);
  }
  auto representation() const { return chain(softmax_rows{temperature}); }
  auto comparison() const {
    return point_transport{.solver = detail::cost_solver_of(*this),
                           .cost = ground_cost::l1,
                           .scale = scale,
                           .mean = mean,
                           .report = report};
  }
};

DISTILL_NAMESPACE_END
