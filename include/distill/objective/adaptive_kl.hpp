#pragma once

#include <algorithm>
#include <cmath>

#include "../row/algebra.hpp"
#include "../row/objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// Adaptive KL: forward KL where the teacher's head is badly fitted, reverse KL where its tail is.
///   value     T² [w KL(p_t‖p_s) + (1-w) KL(p_s‖p_t)],  w = g_head/(g_head + g_tail), g = Σ |p_s - p_t| over the part
///   gradients w and 1-w times those of kl and reverse_kl; w is constant
/// Head: the classes in descending teacher probability (ties by index) while their mass, their own included, is at most
/// `head_mass`, and always the first. w = ½ where the rows are equal. Costs a partial sort of the teacher's row.
/// Source: Wu et al. 2025, arXiv 2404.02657.
struct adaptive_kl {
  double head_mass = 0.5;
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "adaptive_kl",
                                       .formula = "T² [w KL(p_t‖p_s) + (1−w) KL(p_s‖p_t)], w by head and tail gaps",
                                       .source = "Wu et al. 2025, arXiv 2404.02657",
                                       .gradient = "w of kl + (1−w) of reverse_kl, w constant",
                                       .systems = "AKL",
                                       .whole_derivative = false};

  void validate(index) const {
    if (!(head_mass >= 0 && head_mass <= 1)) fail("adaptive_kl: head_mass is ", head_mass, ", must lie in [0, 1]");
  }

  template <class T>
  wide<T> evaluate(const whole_row<T>& row) const {
    using std::abs;
    using number = wide<T>;
    const ranked<T> last = last_of_head(row);
    number gap_head = 0, gap_tail = 0, forward = 0, reverse = 0;
    for (index c = 0; c < row.columns; ++c) {
      const element<T> x = row.at(c);
      const bool in_head = !(last < ranked<T>{x.p_t, static_cast<std::int32_t>(c)});
      (in_head ? gap_head : gap_tail) += static_cast<number>(abs(x.pt_expm1()));
      forward += static_cast<number>(x.pt_phi());
      reverse += static_cast<number>(x.ps_phi());
    }
    const number gap = gap_head + gap_tail, w = gap == 0 ? number(0.5) : gap_head / gap;
    const T to_forward = static_cast<T>(w), to_reverse = static_cast<T>(1 - w);
    for (index c = 0; row.to_student && c < row.columns; ++c) {
      const element<T> x = row.at(c);
      row.to_student[c] = to_forward * x.pt_expm1() + mass_times(to_reverse, mass_times(x.p_s, x.d));
    }
    for (index c = 0; row.to_teacher && c < row.columns; ++c) {
      const element<T> x = row.at(c);
      row.to_teacher[c] = to_reverse * x.ps_expm1() - mass_times(to_forward, mass_times(x.p_t, x.d));
    }
    return mass_times(w, forward) + mass_times(1 - w, reverse);
  }

 private:
  template <class T>
  ranked<T> last_of_head(const whole_row<T>& row) const {
    const auto& ranks = row.scratch.ranks;
    for (index count = std::min<index>(32, row.columns);; count = std::min(4 * count, row.columns)) {
      sort_largest(row.p_t, row.columns, count, ranks[0], ranks[1]);
      double mass = static_cast<double>(value_of(ranks[0][0].value));
      for (index k = 1; k < count; ++k) {
        mass += static_cast<double>(value_of(ranks[0][k].value));
        if (mass > head_mass) return ranks[0][k - 1];
      }
      if (count == row.columns) return ranks[0][count - 1];
    }
  }
};

DISTILL_NAMESPACE_END
