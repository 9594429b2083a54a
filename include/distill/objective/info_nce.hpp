#pragma once

#include "../contrast/objective.hpp"
#include "cross_entropy.hpp"

DISTILL_NAMESPACE_BEGIN

/// InfoNCE: each anchor should find its own key among all.
///   value     mean_i −log softmax_j(⟨â_i, k̂_j⟩/τ)[y_i],  rows at length 1; j over keys, then the queue
///   slopes    of the cosines: G = (P − Y)/(nτ); â: G K̂, k̂: Gᵀ Â, then back through the lengths
///   τ         −Σ G ∘ S/τ,  S the cosines
/// y_i = i, which asks for as many keys as anchors, or labels[i], a number of a key and then of a row of the queue;
/// −100 is an anchor without a key: it contributes 0 and stays in the mean. In both directions each key also looks for
/// its anchor among the anchors: the sum of the two values, or their mean; labels must then name each key once, and the
/// queue is the anchors' alone. One anchor with one key: value 0.
/// Source: van den Oord et al. 2018, arXiv 1807.03748, eq. 4; with a queue He et al. 2020 (MoCo), arXiv 1911.05722,
/// eq. 1.
struct info_nce {
  double temperature = 0.1;
  contrast_directions directions = contrast_directions::anchors;

  static constexpr contrast_scheme scheme = contrast_scheme::pairs;
  static constexpr pair_info info{.name = "info_nce",
                                  .formula = "mean_i −log softmax_j(⟨â_i, k̂_j⟩/τ)[y_i]",
                                  .source = "van den Oord et al. 2018, arXiv 1807.03748, eq. 4",
                                  .input = "samples × features",
                                  .systems = "COMODO, point-cloud distillation with contrast, TRG, LiMA, MoCo, CLIP",
                                  .zero_at_equality = false,
                                  .same_width = true};

  auto rows() const { return cross_entropy{.temperature = temperature, .scaling = temperature_scaling::none}; }
  double weight() const { return directions == contrast_directions::mean_of_both ? 0.5 : 1; }
};

DISTILL_NAMESPACE_END
