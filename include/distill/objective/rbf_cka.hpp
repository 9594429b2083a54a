#pragma once

#include "../pair/comparison/alignment.hpp"
#include "../pair/objective.hpp"
#include "../pair/stage/centred.hpp"
#include "../pair/stage/distances.hpp"
#include "../pair/stage/gaussian_kernel.hpp"
#include "../pair/stage/near_origin.hpp"

DISTILL_NAMESPACE_BEGIN

/// Centred kernel alignment with Gaussian kernels.
///   value     1 − ⟨HKH, HLH⟩/(‖HKH‖ ‖HLH‖),  K_ij = exp(−‖x_i − x_j‖²/(2σ²)),  H = I − 11ᵀ/n
///   features  dX = 4 (diag(A 1) − A) X,  A = −G ∘ K/(2σ²), G the slope of HKH, centred
/// σ is `width`, or median_share times the root of the median of all n² squared distances of its side, which then
/// counts as constant. `unbiased` U-centres instead, so that independent features have alignment 0 on average; it needs
/// four samples. Fewer samples, or features that all coincide: value 1, gradient 0. Features: n samples in rows, of any
/// width on each side. Source: Kornblith et al. 2019, arXiv 1905.00414, §3; U-centring: Székely and Rizzo 2014, arXiv
/// 1310.2926.
struct rbf_cka {
  double width = 0;         ///< σ; 0: from the median
  double median_share = 1;  ///< σ as a share of the root of the median
  bool unbiased = false;

  static constexpr pair_info info{.name = "rbf_cka",
                                  .formula = "1 − CKA, Gaussian kernels of the median's width",
                                  .source = "Kornblith et al. 2019, arXiv 1905.00414, §3",
                                  .input = "samples × features",
                                  .systems = "CKA, OFA-KD's analysis",
                                  .nonnegative = true};

  auto representation() const {
    return chain(near_origin{}, squared_distances{}, gaussian_kernel{width, median_share},
                 centred_kernel{unbiased ? kernel_centring::unbiased : kernel_centring::biased});
  }
  auto comparison() const { return alignment{unbiased ? index{4} : index{2}}; }
};

DISTILL_NAMESPACE_END
