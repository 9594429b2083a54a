#pragma once

#include "../pair/comparison/inner_product.hpp"
#include "../pair/objective.hpp"
#include "../pair/stage/centred.hpp"
#include "../pair/stage/gram.hpp"

DISTILL_NAMESPACE_BEGIN

/// The Hilbert–Schmidt independence criterion with linear kernels, to be maximised: the value is its negative.
///   value     −⟨HKH, HLH⟩/(n − 1)², or −⟨K̃, L̃⟩/(n (n − 3)) with U-centred matrices; K = X Xᵀ, L = Y Yᵀ
///   features  dX = −2 L̃ X/(n (n − 3)), likewise
/// The unbiased estimate may be negative, so this value may be positive. With a single sample, or fewer than four where
/// unbiased: value 0, gradient 0.
/// Features: n samples in rows, of any width on each side.
/// Source: Gretton et al. 2005, "Measuring statistical dependence with Hilbert–Schmidt norms", eq. 9; Song et al. 2012,
/// JMLR 13, eq. 5 (unbiased).
struct hsic {
  bool unbiased = false;

  static constexpr pair_info info{.name = "hsic",
                                  .formula = "−⟨HKH, HLH⟩/(n − 1)², K = XXᵀ, L = YYᵀ",
                                  .source = "Gretton et al. 2005, eq. 9; Song et al. 2012, JMLR 13, eq. 5",
                                  .input = "samples × features",
                                  .systems = "CKA family",
                                  .nonnegative = false,
                                  .zero_at_equality = false};

  auto representation() const {
    return chain(centred_columns{}, gram{},
                 centred_kernel{unbiased ? kernel_centring::unbiased : kernel_centring::none});
  }
  auto comparison() const { return inner_product{unbiased}; }
};

DISTILL_NAMESPACE_END
