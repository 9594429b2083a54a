#pragma once

#include "../pair/comparison/alignment.hpp"
#include "../pair/objective.hpp"
#include "../pair/stage/centred.hpp"
#include "../pair/stage/gram.hpp"

DISTILL_NAMESPACE_BEGIN

/// Centred kernel alignment with linear kernels: how alike two representations are, up to rotation and scale.
///   value     1 − ⟨K, L⟩/(‖K‖ ‖L‖),  K = HX (HX)ᵀ, L = HY (HY)ᵀ,  H = I − 11ᵀ/n
///   features  dX = −2 (L/‖L‖ − a K/‖K‖) HX/‖K‖,  a = CKA
/// From n×n Gram matrices, or where n is large from the d×d products ‖(HX)ᵀ HY‖² etc., whichever takes fewer
/// operations; the former keeps its digits near 0. `unbiased` U-centres K and L, so that independent features have CKA
/// 0 on average whatever n (the biased value of independent data is far from 0 where n is not much larger than d); the
/// estimate of CKA may then be negative, the value above 1. It needs four samples. Fewer, or features that are
/// constant: value 1, gradient 0. Features: n samples in rows, of any width on each side. Source: Kornblith et al.
/// 2019, arXiv 1905.00414, eq. 2 to 4; U-centring: Székely and Rizzo 2014, arXiv 1310.2926.
struct cka {
  bool unbiased = false;

  static constexpr pair_info info{.name = "cka",
                                  .formula = "1 − ⟨HKH, HLH⟩/(‖HKH‖ ‖HLH‖), K = XXᵀ, L = YYᵀ",
                                  .source = "Kornblith et al. 2019, arXiv 1905.00414, eq. 4",
                                  .input = "samples × features",
                                  .systems = "CKA, OFA-KD's analysis"};

  auto representation() const {
    return chain(centred_columns{}, gram{},
                 centred_kernel{unbiased ? kernel_centring::unbiased : kernel_centring::none});
  }
  auto comparison() const { return alignment{unbiased ? index{4} : index{2}}; }
  /// The engine may use d×d products instead.
  bool has_feature_form() const { return !unbiased; }
};

DISTILL_NAMESPACE_END
