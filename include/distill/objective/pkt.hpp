#pragma once

#include "../pair/objective.hpp"
#include "../pair/stage/gram.hpp"
#include "../pair/stage/row_shares.hpp"
#include "../pair/stage/unit_rows.hpp"
#include "detail/share_divergence.hpp"

DISTILL_NAMESPACE_BEGIN

/// Probabilistic knowledge transfer: each sample's neighbours as a distribution.
///   value     Σ_ij P_t log((P_t + ε)/(P_s + ε))/n²,  P = rows of (1 + cos(x_i, x_j))/2 over their sums
///   features  dP = −P_t/(P_s + ε)/n², dK = (dP − ⟨dP, P⟩)/Σ K by rows, dx across x̂ of ½ (dK + dKᵀ) x̂
/// The diagonal is part of the rows. Norms are ‖x‖ + ε, as published; a sample without features has cosine 0 with all
/// and gets no gradient. Differences keep their digits where student and teacher are near.
/// Features: n samples in rows, of any width on each side. Published weight 30000.
/// Source: Passalis and Tefas 2018, arXiv 1803.10837, eq. 3 to 5; ε as in HobbitLong/RepDistiller, PKT.py.
struct pkt {
  double epsilon = 1e-7;

  static constexpr pair_info info{.name = "pkt",
                                  .formula = "mean_ij P_t log((P_t + ε)/(P_s + ε)), P = shares of (1 + cos)/2",
                                  .source = "Passalis and Tefas 2018, arXiv 1803.10837, eq. 5",
                                  .input = "samples × features",
                                  .systems = "PKT",
                                  .nonnegative = false,  // by less than n ε
                                  .zero_at_equality = false};

  void validate(const feature_shape&, const feature_shape&) const {
    if (!(epsilon >= 0 && epsilon < 1)) fail("pkt: epsilon is ", epsilon, ", must be at least 0 and below 1");
  }
  auto representation() const { return chain(unit_rows{epsilon}, gram{}, row_shares{1}); }
  auto comparison() const { return by_rows(detail::share_divergence{.epsilon = epsilon}, row_total::mean_of_entries); }
};

DISTILL_NAMESPACE_END
