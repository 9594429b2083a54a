#pragma once

#include <limits>

#include "../contrast/objective.hpp"
#include "../contrast/soft_target.hpp"

DISTILL_NAMESPACE_BEGIN

/// The student should resemble the teacher's rows, of this batch and of a queue, as the teacher's own row does.
///   value     mean_i −Σ_j P_ij log softmax_j(⟨x̂_i, q_j⟩/τ_s),  P_i = softmax_j(⟨v̂_i, q_j⟩/τ_t)
///             over q, the rows v̂ and then the queue; `relative`: less the entropy of P, which makes 0 the least value
///   anchors   G = (softmax − P)/(nτ_s), G q, then back through the lengths
///   τ_s       −Σ G ∘ S/τ_s;  no T²
/// `anchors` are the student's rows, `keys` the teacher's of the same samples and width: constants, as the queue is.
/// Push them on the queue after the loss. An empty queue leaves the batch.
///
/// Source: Chen et al. 2025 (COMODO), arXiv 2503.07259, as coded (comodo/loss.py); Fang et al. 2021 (SEED), arXiv
/// 2101.04731.
struct similarity_ce {
  double student_temperature = 0.05;
  double teacher_temperature = 0.1;
  bool relative = false;

  static constexpr contrast_scheme scheme = contrast_scheme::targets;
  static constexpr pair_info info{
      .name = "similarity_ce",
      .formula = "mean_i −Σ_j P_ij log softmax_j(⟨x̂_i, q_j⟩/τ_s), P_i the teacher's, at τ_t",
      .source = "Chen et al. 2025 (COMODO), arXiv 2503.07259; Fang et al. 2021 (SEED), arXiv 2101.04731",
      .input = "samples × features",
      .systems = "COMODO, SEED",
      .zero_at_equality = false,
      .same_width = true};

  void validate() const {
    if (!(teacher_temperature > 0 && teacher_temperature <= std::numeric_limits<double>::max()))
      fail("similarity_ce: teacher_temperature is ", teacher_temperature, ", must be positive and finite");
  }
  auto rows() const {
    return detail::soft_target{
        .temperature = student_temperature, .target_temperature = teacher_temperature, .relative = relative};
  }
};

DISTILL_NAMESPACE_END
