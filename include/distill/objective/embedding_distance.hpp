#pragma once

#include <span>

#include "../pair/objective.hpp"
#include "../pair/stage/unit_prefixes.hpp"
#include "squared_distance.hpp"

DISTILL_NAMESPACE_BEGIN

/// The student's embedding, at length 1, is the teacher's.
///   value     mean_i ‖u_i/‖u_i‖ − t_i‖²; with dims Σ_d w_d mean_i ‖norm(u_i,:d) − norm(t_i,:d)‖², norm(x) = x/‖x‖
///   student   −2 (t − ⟨t, y⟩ y)/(n ‖u‖),  y = u/‖u‖;  teacher −2 (y − t)/n, with dims the student's formula mirrored
/// Features: n samples in rows, embeddings of one width (with dims: at least the largest d each). Without dims the
/// teacher's are taken as they are, of length 1 as a rule. An embedding or prefix of zeros stays 0 and gets no
/// gradient. What the spans view must outlive the call.
/// @throws argument_error  a d outside [1, width]; weights that are not one a d, negative or not finite
/// Source: LEAF, as summarised (‖y − ŷ‖² of normalised embeddings); Kusupati et al. 2022, arXiv 2205.13147 (dims).
struct embedding_distance {
  std::span<const index> dims{};
  std::span<const double> weights{};  ///< one for each of dims; empty: all 1

  static constexpr pair_info info{.name = "embedding_distance",
                                  .formula = "mean_i ‖u_i/‖u_i‖ − t_i‖²",
                                  .source = "LEAF; Kusupati et al. 2022, arXiv 2205.13147",
                                  .input = "samples × features",
                                  .systems = "LEAF",
                                  .zero_at_equality = false};

  auto representation() const { return chain(unit_prefixes{dims, weights}); }
  auto teacher_representation(const feature_shape&, const feature_shape&) const {
    return chain(unit_prefixes{dims, weights, false});
  }
  auto comparison() const { return by_rows(squared_distance{}); }
};

DISTILL_NAMESPACE_END
