#pragma once

#include <array>
#include <cmath>

#include "../row/algebra.hpp"
#include "../row/objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// The student's probability of a set of classes: what Cr-KD-NCD weighs its rows with (see select/class_relation.hpp).
///   value     W = Σ_{c in S} p_c = exp(lse_S(z/T) - lse(z/T))
///   student   W (softmax over S - p)/T
/// `classes` has one entry a class, not 0 for those in S; empty: all classes, W = 1.
/// Source: Gu et al. 2023 (Cr-KD-NCD), arXiv 2307.09158
struct class_mass {
  index_view classes{};
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::none;

  static constexpr objective_info info{.name = "class_mass",
                                       .formula = "Σ_{c in S} p_s,c",
                                       .source = "Gu et al. 2023 (Cr-KD-NCD), arXiv 2307.09158",
                                       .gradient = "W (softmax over S − p_s)/T",
                                       .systems = "Cr-KD-NCD",
                                       .uses_teacher = false,
                                       .zero_at_equality = false};

  std::array<site, 2> sites() const {
    row_mix chosen = row_mix::of(input::student);
    if (classes) chosen.columns = {.which = kept_columns::rule::listed, .classes = classes};
    return {site{chosen, temperature}, {row_mix::of(input::student), temperature}};
  }
  template <class Number>
  closed_form<2, Number> evaluate(const row_statistics<2, Number>& row) const {
    using std::exp;
    const Number mass = exp(log_share(row.site[0], row.site[1]));
    return {.value = mass, .mass = {mass, -mass}};
  }
};

DISTILL_NAMESPACE_END
