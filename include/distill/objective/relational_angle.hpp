#pragma once

#include "../pair/objective.hpp"
#include "../pair/stage/gram.hpp"
#include "../pair/stage/unit_rows.hpp"
#include "smooth_l1.hpp"

DISTILL_NAMESPACE_BEGIN

/// The second part of relational distillation: angles between samples as seen from a third.
///   value     Σ_ijk h(a_s,ijk − a_t,ijk)/n³,  a_ijk = ⟨e_ij, e_ik⟩, e_ij = (x_j − x_i)/‖x_j − x_i‖, h smooth L1
///   features  de_ij = 2 Σ_k K_ijk e_ik, K the slopes; dx_j and −dx_i gain its part across e_ij, over ‖x_j − x_i‖
/// Differences are taken before anything else: duplicates have no direction (cosine 0, no pull), a common offset is
/// harmless. For each anchor i one n×n matrix a side: O(n²) memory, O(n³ d) time.
/// Features: n samples in rows, of any width on each side. Published weight 50.
/// Source: Park et al. 2019, arXiv 1904.05068, eq. 6 and 7.
struct relational_angle {
  static constexpr item_kind items = item_kind::anchors;
  static constexpr pair_info info{.name = "relational_angle",
                                  .formula = "mean_ijk h(a_s − a_t), a = cosines at i between j and k, h smooth L1",
                                  .source = "Park et al. 2019, arXiv 1904.05068, eq. 7",
                                  .input = "samples × features",
                                  .systems = "RKD"};

  auto representation() const { return chain(unit_rows{}, gram{}); }
  auto comparison() const { return by_rows(smooth_l1{}); }
};

DISTILL_NAMESPACE_END
