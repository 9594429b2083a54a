#pragma once

#include "../pair/objective.hpp"
#include "../pair/stage/gram.hpp"
#include "../pair/stage/unit_rows.hpp"
#include "absolute_error.hpp"

DISTILL_NAMESPACE_BEGIN

/// Spatial affinity: cosines between all places of a map.
///   value     mean_ij |S_s − S_t|,  S_ij = ⟨x̂_i, x̂_j⟩
///   features  dx̂ = (G + Gᵀ) x̂,  G = sign(S_s − S_t)/n²; then across x̂, over ‖x‖
/// A place without features has cosine 0 with all and gets no gradient.
/// Features: one item an image (`pixel_features`), places in rows; widths may differ. Also the relation loss between
/// sampled points of a box (UniDistill).
/// Source: He et al. 2020 (FAKD), "FAKD: feature-affinity based knowledge distillation", eq. 3 and 4.
struct spatial_affinity {
  static constexpr pair_info info{.name = "spatial_affinity",
                                  .formula = "mean_ij |S_s − S_t|, S = cosines between rows",
                                  .source = "He et al. 2020 (FAKD), eq. 4",
                                  .input = "pixels × channels",
                                  .systems = "FAKD, DSCLoRA, UniDistill",
                                  .smooth = false};

  auto representation() const { return chain(unit_rows{}, gram{}); }
  auto comparison() const { return by_rows(absolute_error{}); }
};

DISTILL_NAMESPACE_END
