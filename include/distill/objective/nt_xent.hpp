#pragma once

#include "../contrast/objective.hpp"
#include "cross_entropy.hpp"

DISTILL_NAMESPACE_BEGIN

/// NT-Xent: two views of each sample in one batch; every row should find the other view of its sample among all others.
///   value     mean over the 2n rows of −log softmax_{j≠i}(⟨x̂_i, x̂_j⟩/τ)[i's other view]
///   features  D = (G + Gᵀ) X̂,  G = (softmax_{j≠i} − onehot)/(2nτ), then back through the lengths
///   τ         −Σ G ∘ S/τ,  S the cosines
/// Views: `anchors` and `keys`, row i of both the same sample; or all 2n rows in `anchors`, first views first. One
/// sample: the only candidate is the positive, value 0.
/// Source: Chen et al. 2020 (SimCLR), arXiv 2002.05709, eq. 1.
struct nt_xent {
  double temperature = 0.5;

  static constexpr contrast_scheme scheme = contrast_scheme::views;
  static constexpr pair_info info{.name = "nt_xent",
                                  .formula = "mean_i −log softmax_{j≠i}(⟨x̂_i, x̂_j⟩/τ)[other view]",
                                  .source = "Chen et al. 2020, arXiv 2002.05709, eq. 1",
                                  .input = "samples × features, two views",
                                  .systems = "SimCLR, KD³",
                                  .zero_at_equality = false,
                                  .same_width = true};

  auto rows() const { return cross_entropy{.temperature = temperature, .scaling = temperature_scaling::none}; }
};

DISTILL_NAMESPACE_END
