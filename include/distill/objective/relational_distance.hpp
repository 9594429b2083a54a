#pragma once

#include "../pair/objective.hpp"
#include "../pair/stage/distances.hpp"
#include "../pair/stage/near_origin.hpp"
#include "smooth_l1.hpp"

DISTILL_NAMESPACE_BEGIN

/// The first part of relational distillation: distances between samples, over their mean.
///   value     Σ_ij h(ψ_s,ij − ψ_t,ij)/n²,  ψ_ij = ‖x_i − x_j‖/μ, μ the mean of the positive distances, h smooth L1
///   features  dx_i = Σ_j h_ij (x_i − x_j)/‖x_i − x_j‖, see relative_distances
/// Safe where rows repeat (distance 0: no pull, not part of μ), lie close together, or share a large offset: close rows
/// are subtracted, not expanded. One sample, or samples that all coincide: distances 0.
/// Features: n samples in rows, of any width on each side. Published weight 25.
/// Source: Park et al. 2019, arXiv 1904.05068, eq. 3 to 5.
struct relational_distance {
  static constexpr pair_info info{.name = "relational_distance",
                                  .formula = "mean_ij h(ψ_s − ψ_t), ψ = distances/mean distance, h smooth L1",
                                  .source = "Park et al. 2019, arXiv 1904.05068, eq. 5",
                                  .input = "samples × features",
                                  .systems = "RKD"};

  auto representation() const { return chain(near_origin{}, relative_distances{}); }
  auto comparison() const { return by_rows(smooth_l1{}); }
};

DISTILL_NAMESPACE_END
