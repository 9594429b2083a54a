#pragma once

#include "../pair/objective.hpp"
#include "../pair/stage/mean_row.hpp"
#include "squared_distance.hpp"

DISTILL_NAMESPACE_BEGIN

/// Squared maximum mean discrepancy with the linear kernel: the distance of the two means.
///   value     ‖mean_i s_i − mean_j t_j‖²
///   features  2 (mean s − mean t)/n_s in every row
/// Features: n_s and n_t samples in rows, of the same width.
/// Source: Gretton et al. 2012, JMLR 13, eq. 5, with k(x, y) = ⟨x, y⟩; DataDAM's embedding matching.
struct linear_mmd {
  static constexpr pair_info info{.name = "linear_mmd",
                                  .formula = "‖mean s − mean t‖²",
                                  .source = "Gretton et al. 2012, JMLR 13, eq. 5",
                                  .input = "samples × features",
                                  .systems = "DataDAM, FedLGD",
                                  .same_width = true};

  auto representation() const { return chain(mean_row{}); }
  auto comparison() const { return by_rows(squared_distance{}); }
};

DISTILL_NAMESPACE_END
