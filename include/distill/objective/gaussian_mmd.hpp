#pragma once

#include "../pair/comparison/mean_discrepancy.hpp"
#include "../pair/objective.hpp"
#include "../pair/stage/distances.hpp"
#include "../pair/stage/gaussian_scales.hpp"
#include "../pair/stage/near_origin.hpp"

DISTILL_NAMESPACE_BEGIN

/// Squared maximum mean discrepancy with a sum of Gaussian kernels.
///   value     mean k(s, s) + mean k(t, t) − 2 mean k(s, t),  k(x, y) = Σ_{q < kernels} exp(−‖x − y‖² 2^⌊kernels/2⌋/(β
///   2^q)) features  dz_i = 2 Σ_j (D_ij + D_ji)(z_i − z_j) over both sets, D = −W ∘ Σ_q k_q/β_q
/// β is `width`, or the mean of the n (n − 1) squared distances between the joined samples, which then counts as
/// constant. Samples that all coincide: value 0, gradient 0.
/// Features: n_s and n_t samples in rows, of the same width.
/// Source: Gretton et al. 2012, JMLR 13, eq. 5 (V-statistic); the five scales as in ubc-tea/FedLGD, loss_fn.py.
struct gaussian_mmd {
  int kernels = 5;   ///< 1 to 10
  double width = 0;  ///< β; 0: the mean squared distance

  static constexpr item_kind items = item_kind::joined;
  static constexpr pair_info info{.name = "gaussian_mmd",
                                  .formula = "MMD² with k(x, y) = Σ_q exp(−‖x − y‖²/β_q), β_q around the mean distance",
                                  .source = "Gretton et al. 2012, JMLR 13, eq. 5",
                                  .input = "samples × features",
                                  .systems = "FedLGD",
                                  .same_width = true};

  auto representation() const { return chain(near_origin{}, squared_distances{}, gaussian_scales{kernels, width}); }
  auto comparison() const { return mean_discrepancy{}; }
};

DISTILL_NAMESPACE_END
