#pragma once

#include <cmath>

#include "../row/algebra.hpp"
#include "../row/objective.hpp"
#include "detail/target_class.hpp"
#include "soft_cross_entropy.hpp"

DISTILL_NAMESPACE_BEGIN

/// What OFA-KD adds to the target's class.
enum class ofa_form {
  paper,  ///< target weight (1 + p_t,y)^γ, the other classes p_t
  code    ///< target weight (1 + p_t,y)^γ - 1, the other classes p_t^γ: γ = 1 is soft_cross_entropy
};

/// OFA-KD's loss with an enhanced target, for students of another architecture.
///   value     -Σ_{c≠y} p_t,c log p_s,c - (1 + p_t,y)^γ log p_s,y       (and the code's form, see ofa_form)
///   student   (p_s Σ w - w)/T,  w the weights
/// The teacher is constant. No T² unless asked for: the published loss runs at T = 1. Rows with label `ignore_index` do
/// not take part.
/// Source: Hao et al. 2023, arXiv 2310.19444
struct ofa {
  double gamma = 1;
  ofa_form form = ofa_form::paper;
  index ignore_index = -100;
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::none;

  static constexpr objective_info info{.name = "ofa",
                                       .formula = "−Σ_{c≠y} p_t,c log p_s,c − (1 + p_t,y)^γ log p_s,y",
                                       .source = "Hao et al. 2023, arXiv 2310.19444",
                                       .gradient = "(p_s Σ w − w)/T",
                                       .systems = "OFA-KD",
                                       .uses_labels = true,
                                       .zero_at_equality = false,
                                       .whole_derivative = false};

  /// What the target's weight has beyond its share of the soft labels.
  struct enhancement {
    double gamma = 1;
    bool paper = true;
    template <class Number>
    folded<1, Number> operator()(Number p) const {
      using std::expm1, std::log1p, std::pow;
      const Number excess = expm1(gamma * log1p(p));  // (1 + p)^γ - 1
      return {paper ? 1 + excess - p : excess - pow(p, gamma), {Number(0)}};
    }
  };
  /// -Σ p_t^γ log p_s, the teacher constant.
  struct powered {
    double exponent = 1;
    index ignore_index = -100;
    row_parameter temperature = 1;
    temperature_scaling scaling = temperature_scaling::none;
    static constexpr bool reads_log_probabilities = true;
    static constexpr objective_info info{.name = "ofa_powered",
                                         .formula = "−Σ p_t^γ log p_s",
                                         .source = "part of ofa",
                                         .uses_labels = true,
                                         .zero_at_equality = false,
                                         .whole_derivative = false};
    bool counts(index label) const { return label != ignore_index; }
    site_pair sites() const {
      site teacher{row_mix::of(input::teacher), temperature};
      teacher.row.detached[1] = true;
      return {site{row_mix::of(input::student), temperature}, teacher};
    }
    template <lane_type V>
    DISTILL_HD DISTILL_INLINE terms<V> operator()(const element<V>& x) const {
      if (exponent == 1) return soft_cross_entropy{}(x);
      const V zero(lane_scalar<V>(0));
      const V w = exp_nonpositive(V(static_cast<lane_scalar<V>>(exponent)) * x.log_t);
      const V cost = zero - mass_times(w, x.log_s);
      return {cost, zero - w, V(static_cast<lane_scalar<V>>(exponent)) * cost};
    }
  };
  auto expression() const {
    if (!(gamma > 0) || std::isinf(gamma)) fail("ofa: gamma is ", gamma, ", must be positive and finite");
    const bool paper = form == ofa_form::paper;
    const double exponent = paper ? 1 : gamma;
    return powered{exponent, ignore_index, temperature, scaling} +
           detail::trusted_cross_entropy<enhancement>{{gamma, paper}, true, ignore_index, temperature, scaling};
  }
};

DISTILL_NAMESPACE_END
