#pragma once

#include <array>
#include <cmath>

#include "../row/algebra.hpp"
#include "../row/objective.hpp"
#include "detail/alpha_beta.hpp"

DISTILL_NAMESPACE_BEGIN

/// Rényi's divergence of the teacher from the student.
///   value     T² log(Σ p_t^α p_s^{1-α})/(α-1) = T² log1p(α(α-1) A)/(α-1),  A Amari's α divergence
///   gradients those of A times α/(1 + α(α-1) A)
/// α > 0; α = 1 is kl. Finite for every mask that leaves a class in common when α < 1; without one: value +inf,
/// gradient 0. α > 1 and teacher mass on a class that the student masks: likewise. Source: Rényi 1961, Proc. Berkeley
/// Symp. 1, 547–561, eq. 3.3.
struct renyi {
  double alpha = 0.5;
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "renyi",
                                       .formula = "T² log(Σ p_t^α p_s^(1−α))/(α−1)",
                                       .source = "Rényi 1961, Proc. Berkeley Symp. 1, eq. 3.3",
                                       .gradient = "that of amari_alpha times α/(1 + α(α−1) A)",
                                       .systems = "Rényi distillation",
                                       .symmetric = true};

  void validate(index) const {
    if (!(alpha > 0) || std::isinf(alpha)) fail("renyi: alpha is ", alpha, ", must be positive and finite");
  }

  static constexpr int sums = 2;

  /// Amari's divergence and Σ p_t^α p_s^{1-α}: the one has the digits of near rows, the other those of distant ones.
  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V, 2> operator()(const element<V>& x) const {
    using T = lane_scalar<V>;
    const terms<V> amari = detail::amari_terms(x, alpha);
    const V mean = alpha == 1 ? V(T(0)) : detail::geometric_mean(x, alpha);
    terms<V, 2> result;
    result.term = {amari.term[0], mean};
    result.to_student = {amari.to_student[0], V(static_cast<T>(1 - alpha)) * mean};
    result.to_teacher = {amari.to_teacher[0], V(static_cast<T>(alpha)) * mean};
    return result;
  }
  template <class Number>
  folded<2, Number> fold(const std::array<Number, 2>& sum) const {
    using std::abs, std::isinf, std::log, std::log1p;
    if (alpha == 1) return {sum[0], {1.0, 0}};
    const Number excess = alpha * (alpha - 1) * sum[0], z = sum[1];
    if (abs(excess) < 0.5) return {log1p(excess) / (alpha - 1), {alpha / (1 + excess), 0}};
    return {log(z) / (alpha - 1), {0, z == 0 || isinf(z) ? Number(0) : 1 / ((alpha - 1) * z)}};
  }
};

DISTILL_NAMESPACE_END
