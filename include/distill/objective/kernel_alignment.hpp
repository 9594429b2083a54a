#pragma once

#include "../pair/comparison/alignment.hpp"
#include "../pair/objective.hpp"
#include "../pair/stage/gram.hpp"

DISTILL_NAMESPACE_BEGIN

/// Kernel–target alignment: how alike two Gram matrices are, without centring.
///   value     1 − ⟨K, L⟩/(‖K‖ ‖L‖),  K = X Xᵀ, L = Y Yᵀ
///   features  dX = −2 (L/‖L‖ − a K/‖K‖) X/‖K‖,  a the alignment
/// Features: n samples in rows, of any width on each side. Without any features on one side: value 1, gradient 0.
/// Source: Cristianini et al. 2001, "On kernel-target alignment", NIPS 14, definition 1.
struct kernel_alignment {
  static constexpr pair_info info{.name = "kernel_alignment",
                                  .formula = "1 − ⟨K, L⟩/(‖K‖ ‖L‖), K = XXᵀ, L = YYᵀ",
                                  .source = "Cristianini et al. 2001, NIPS 14, definition 1",
                                  .input = "samples × features",
                                  .systems = "KTA"};

  auto representation() const { return chain(gram{}); }
  auto comparison() const { return alignment{}; }
};

DISTILL_NAMESPACE_END
