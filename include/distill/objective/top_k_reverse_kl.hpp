#pragma once

#include <array>
#include <cmath>
#include <string_view>

#include "../row/algebra.hpp"
#include "../row/objective.hpp"
#include "reverse_kl.hpp"

DISTILL_NAMESPACE_BEGIN

namespace detail {
constexpr objective_info part_over_stored(std::string_view name) {
  return {
      .name = name, .formula = "", .source = "part of top_k_reverse_kl", .uses_teacher = false, .uses_stored = true};
}
}  // namespace detail

/// Reverse KL to a teacher of which k classes a row are stored; every other class has the log-probability `log_floor`.
///   value     T² [Σ_S p_s (log p_s - log p_t) + Σ_{not S} p_s (log p_s - log_floor)]
///   student   T p_s,i (c_i - Σ_j p_s,j c_j),  c = log p_s - log p_t or log p_s - log_floor
/// The stored log-probabilities are used as they are; they and the floor need not sum to 1, so the value can be
/// negative. Source: NeMo-RL (zero_outside_topk with tail correction).
struct top_k_reverse_kl {
  double log_floor = -20;
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "top_k_reverse_kl",
                                       .formula = "T² [Σ_S p_s log(p_s/p_t) + Σ_{not S} p_s (log p_s − log_floor)]",
                                       .source = "NeMo-RL, reverse KL with tail correction",
                                       .gradient = "T p_s (c − Σ p_s c), c = log p_s − stored or floor",
                                       .systems = "NeMo-RL",
                                       .uses_teacher = false,
                                       .uses_stored = true,
                                       .nonnegative = false,
                                       .zero_at_equality = false};

  /// reverse_kl to the softmax of the stored row.
  struct to_stored : reverse_kl {
    double log_floor = -20;
    static constexpr objective_info info = detail::part_over_stored("divergence from the stored row");
    site_pair sites() const {
      return {site{row_mix::of(input::student), temperature}, {row_mix{.stored_or = log_floor}, 1}};
    }
  };
  /// What that softmax divides by.
  struct log_normaliser {
    double log_floor = -20;
    row_parameter temperature = 1;
    temperature_scaling scaling = temperature_scaling::squared;
    static constexpr objective_info info = detail::part_over_stored("log-normaliser of the stored row");
    std::array<site, 1> sites() const { return {site{row_mix{.stored_or = log_floor}, 1}}; }
    template <class Number>
    closed_form<1, Number> evaluate(const row_statistics<1, Number>& row) const {
      return {.value = row.site[0].log_sum_exp()};
    }
  };
  auto expression() const {
    if (!std::isfinite(log_floor)) fail("top_k_reverse_kl: log_floor is ", log_floor, ", must be finite");
    return to_stored{{temperature, scaling}, log_floor} + -1.0 * log_normaliser{log_floor, temperature, scaling};
  }
};

DISTILL_NAMESPACE_END
