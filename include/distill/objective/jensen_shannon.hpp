#pragma once

#include "../row/algebra.hpp"
#include "../row/objective.hpp"
#include "detail/mixture.hpp"
#include "kl.hpp"
#include "reverse_kl.hpp"

DISTILL_NAMESPACE_BEGIN

/// Which of the published generalisations, with M = β p_t + (1-β) p_s.
enum class jensen_shannon_form {
  literal,  ///< β KL(p_t‖M) + (1-β) KL(p_s‖M), as GKD prints it; tends to 0 at both ends, where it jumps to a KL
  normalised,  ///< the same over β (1-β): continuous from KL(p_t‖p_s) to KL(p_s‖p_t)
  swapped      ///< (1-β) KL(p_t‖M) + β KL(p_s‖M): likewise continuous
};

/// Generalised Jensen–Shannon divergence.
///   value     T² [β KL(p_t‖M) + (1-β) KL(p_s‖M)] = T² Σ β p_t φ(u) + (1-β) p_s φ(w)
///   student   slope -(1-β) p_s w         with u = log M - log p_t, w = log M - log p_s, φ(x) = e^x - 1 - x
///   teacher   slope -β p_t u             gradient_i = T (slope_i - p_i Σ_j slope_j)
/// β in [0, 1]; β = 0 is KL(p_t‖p_s) and β = 1 is KL(p_s‖p_t) in every form. Finite for every mask if β and 1-β are
/// more than the number type's rounding of 1. JSD as DistiLLM writes it, with λ, is β = 1 - λ.
/// Source: Agarwal et al. 2023 (GKD), arXiv 2306.13649, eq. 1 and §3.
struct jensen_shannon {
  double beta = 0.5;
  jensen_shannon_form form = jensen_shannon_form::literal;
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "jensen_shannon",
                                       .formula = "T² [β KL(p_t‖M) + (1−β) KL(p_s‖M)], M = β p_t + (1−β) p_s",
                                       .source = "Agarwal et al. 2023 (GKD), arXiv 2306.13649, eq. 1",
                                       .gradient = "−(1−β) T p_s (w − Σ p_s w), w = log(M/p_s)",
                                       .systems = "GKD, TRL, Generalisation vs fidelity",
                                       .symmetric = true};

  void validate(index) const {
    if (!(beta >= 0 && beta <= 1)) fail("jensen_shannon: beta is ", beta, ", must lie in [0, 1]");
  }

  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V> operator()(const element<V>& x) const {
    if (beta == 0) return kl{}(x);
    if (beta == 1) return reverse_kl{}(x);
    if (beta == 0.5) {
      const V share(lane_scalar<V>(form == jensen_shannon_form::normalised ? 2 : 0.5));
      const terms<V> whole = detail::even_mixture_divergence(x);
      return {share * whole.term[0], share * whole.to_student[0], share * whole.to_teacher[0]};
    }
    switch (form) {
      case jensen_shannon_form::normalised: return detail::mixture_divergence(x, beta, 1 / (1 - beta), 1 / beta);
      case jensen_shannon_form::swapped: return detail::mixture_divergence(x, beta, 1 - beta, beta);
      default: return detail::mixture_divergence(x, beta, beta, 1 - beta);
    }
  }
};

DISTILL_NAMESPACE_END
