#pragma once

#include <array>
#include <limits>

#include "../row/algebra.hpp"
#include "../row/objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// r = p_t/p_s for a generator f.
template <lane_type V>
struct likelihood_ratio {
  V value;   ///< r
  V excess;  ///< r - 1, with its digits near r = 1
};

/// Le Cam's triangular discrimination, f(r) = (r - 1)²/(2 (r + 1)): bounded, symmetric. The default, and an example of
/// a generator: value and derivative of a convex f with f(1) = f'(1) = 0, written with `excess` so that it keeps its
/// digits; `at_infinity` is f'(∞), what teacher mass costs on a class without student mass (absent: infinitely much).
struct triangular {
  static constexpr double at_infinity = 0.5;
  template <lane_type V>
  DISTILL_HD DISTILL_INLINE std::array<V, 2> operator()(const likelihood_ratio<V>& r) const {
    const V one_half(lane_scalar<V>(0.5)), share = r.excess / (r.value + V(lane_scalar<V>(1)));
    return {one_half * r.excess * share, share - one_half * share * share};
  }
};

/// Any f-divergence from a user's generator.
///   value     T² Σ p_s f(r),  r = p_t/p_s
///   student   slope p_s (f(r) - r f'(r))
///   teacher   slope p_t f'(r)      gradient_i = T (slope_i - p_i Σ_j slope_j)
/// Source: Csiszár 1967, Studia Sci. Math. Hungar. 2, 299–318; Wen et al. 2023 (f-distill), arXiv 2307.15190
template <class F = triangular>
struct f_divergence {
  F generator{};
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "f_divergence",
                                       .formula = "T² Σ p_s f(p_t/p_s), f the caller's; here (r − 1)²/(2(r + 1))",
                                       .source = "Csiszár 1967; Wen et al. 2023 (f-distill), arXiv 2307.15190",
                                       .gradient = "T (p_s (f(r) − r f′(r)) projected), r = p_t/p_s",
                                       .systems = "f-distill"};

  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V> operator()(const element<V>& x) const {
    using T = lane_scalar<V>;
    const V zero(T(0)), one(T(1));
    const auto absent = x.p_s == zero;
    const V excess = lane<V>::select(absent, zero, expm1_any(zero - x.d));
    const std::array<V, 2> f = generator(likelihood_ratio<V>{excess + one, excess});
    double far = std::numeric_limits<double>::infinity();
    if constexpr (requires { F::at_infinity; }) far = F::at_infinity;
    const V beyond = mass_times(x.p_t, V(static_cast<T>(far)));
    const V to_teacher = lane<V>::select(absent, beyond, x.p_t * f[1]);
    return {lane<V>::select(absent, beyond, x.p_s * f[0]), lane<V>::select(absent, zero, x.p_s * f[0] - x.p_t * f[1]),
            to_teacher};
  }
};
template <class F>
f_divergence(F) -> f_divergence<F>;

DISTILL_NAMESPACE_END
