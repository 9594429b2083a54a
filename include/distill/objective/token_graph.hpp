#pragma once

#include "../pair/objective.hpp"
#include "../pair/stage/distances.hpp"
#include "../pair/stage/near_origin.hpp"
#include "../pair/stage/neighbour_kernel.hpp"
#include "kl.hpp"
#include "reverse_kl.hpp"

DISTILL_NAMESPACE_BEGIN

/// Token relationship graph: each token's nearest neighbours as a distribution.
///   value     Σ_i KL(softmax(A_s,i) ‖ softmax(A_t,i)) (or the other way round),
///             A_ij = exp(−‖x_i − x_j‖²/(2σ)) where i is among the k tokens nearest to j, 0 elsewhere
///   features  dx = 2 (diag(M 1) − M) x,  M = H + Hᵀ, H = −G ∘ A/(2σ), G the slopes; neighbours count as constant
/// Tokens that are no neighbours keep the mass e⁰ of their zero. k is clipped to n − 1; of tokens at the same distance
/// the first is nearer. One token: value 0.
/// Features: n tokens in rows, of any width on each side.
/// Source: Zhang et al. 2023 (TRG), arXiv 2306.12442, local loss, as summarised in public (the paper's σ is not
/// squared).
struct token_graph {
  index neighbours = 8;
  double sigma = 1;
  bool student_first = true;

  static constexpr pair_info info{.name = "token_graph",
                                  .formula = "Σ_i KL(softmax A_s,i ‖ softmax A_t,i), A a k-nearest-neighbour graph",
                                  .source = "Zhang et al. 2023, arXiv 2306.12442",
                                  .input = "tokens × features",
                                  .systems = "TRG",
                                  .smooth = false};

  auto representation() const { return chain(near_origin{}, squared_distances{}, neighbour_kernel{neighbours, sigma}); }
  auto comparison() const {
    return by_rows((student_first ? 1.0 : 0.0) * reverse_kl{} + (student_first ? 0.0 : 1.0) * kl{}, row_total::sum);
  }
};

DISTILL_NAMESPACE_END
