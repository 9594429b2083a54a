#pragma once

#include <cmath>

#include "../pair/objective.hpp"
#include "../pair/stage/gram.hpp"
#include "../pair/stage/polynomial.hpp"
#include "../pair/stage/unit_rows.hpp"
#include "logit_mse.hpp"

DISTILL_NAMESPACE_BEGIN

/// Correlation congruence: kernel matrices of samples at length 1, with the Gaussian kernel expanded to a low order.
///   value     ‖K_s − K_t‖²/n²,  K_ij = e^{−2γ} Σ_{p ≤ order} (2γ)^p/p! · ⟨x̂_i, x̂_j⟩^p
///   features  dx̂ = (G + Gᵀ) x̂,  G = 2 (K_s − K_t) ∘ K'/n²; then across x̂, over ‖x‖
/// A sample without features has cosine 0 with all and gets no gradient. order 1 and γ → 0 is the bilinear pattern.
/// Features: n samples in rows, of any width on each side.
/// Source: Peng et al. 2019, arXiv 1904.01802, eq. 3, 6 and 7.
struct correlation_congruence {
  double gamma = 0.4;
  int order = 2;  ///< 1 to 7

  static constexpr pair_info info{.name = "correlation_congruence",
                                  .formula = "‖K_s − K_t‖²/n², K = e^{−2γ} Σ_p (2γ cos)^p/p!",
                                  .source = "Peng et al. 2019, arXiv 1904.01802, eq. 7",
                                  .input = "samples × features",
                                  .systems = "CC"};

  void validate(const feature_shape&, const feature_shape&) const {
    if (!(gamma > 0)) fail("correlation_congruence: gamma is ", gamma, ", must be positive");
    if (order < 1 || order > 7) fail("correlation_congruence: order is ", order, ", must be between 1 and 7");
  }
  auto representation() const {
    polynomial<8> kernel{};
    double term = std::exp(-2 * gamma);
    for (std::size_t p = 0; p <= static_cast<std::size_t>(order) && p < kernel.coefficients.size(); ++p) {
      kernel.coefficients[p] = term;
      term *= 2 * gamma / static_cast<double>(p + 1);
    }
    return chain(unit_rows{}, gram{}, kernel);
  }
  auto comparison() const { return by_rows(logit_mse{}); }
};

DISTILL_NAMESPACE_END
