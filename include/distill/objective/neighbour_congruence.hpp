#pragma once

#include "../pair/comparison/neighbour_products.hpp"
#include "../pair/objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// The quantity that a widely used code ships as correlation congruence: products of the differences of consecutive
/// samples. It depends on the order of the batch; correlation_congruence is the paper's.
///   value     mean_{i < n − 1} Σ_c |δ_i,c| |δ_i+1,c|,  δ = s − t
///   features  (|δ_i−1| + |δ_i+1|) sign(δ_i)/(n − 1)
/// One sample: value 0, gradient 0. Features: n samples in rows, of the same width on both sides. Published weight
/// 0.02. Source: HobbitLong/RepDistiller, distiller_zoo/CC.py.
struct neighbour_congruence {
  static constexpr pair_info info{.name = "neighbour_congruence",
                                  .formula = "mean_i Σ_c |δ_i,c| |δ_i+1,c|, δ = s − t",
                                  .source = "HobbitLong/RepDistiller, distiller_zoo/CC.py",
                                  .input = "samples × features",
                                  .systems = "CC as coded in RepDistiller",
                                  .same_width = true,
                                  .smooth = false};

  auto representation() const { return chain(); }
  auto comparison() const { return neighbour_products{}; }
};

DISTILL_NAMESPACE_END
