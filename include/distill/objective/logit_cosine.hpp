#pragma once

#include <array>
#include <cmath>

#include "../row/algebra.hpp"
#include "../row/objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// Cosine distance of the logit rows. The temperature cancels.
///   value     1 - ⟨z_s, z_t⟩/(‖z_s‖ ‖z_t‖), as [Σ δ² - (‖z_s‖ - ‖z_t‖)²]/(2 ‖z_s‖ ‖z_t‖) with δ = z_s - z_t
///   student   -(ẑ_t - ẑ_s cos)/‖z_s‖,  ẑ = z/‖z‖
///   teacher   likewise with the roles exchanged
/// A row of zeros has no direction: value 1 (0 if both are), gradient 0. A class masked on one side only: NaN.
/// Source: linkedin/Liger-Kernel, cosine distillation loss.
struct logit_cosine {
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::none;

  static constexpr int sums = 4;
  static constexpr objective_info info{.name = "logit_cosine",
                                       .formula = "1 − ⟨z_s, z_t⟩/(‖z_s‖ ‖z_t‖)",
                                       .source = "Liger-Kernel, cosine distillation loss",
                                       .gradient = "−(ẑ_t − ẑ_s cos)/‖z_s‖",
                                       .systems = "Liger cosine",
                                       .symmetric = true,
                                       .shift_invariant = false};

  /// Σ δ², Σ z_s² - z_t², Σ z_s², Σ z_t²
  template <lane_type V>
  DISTILL_HD DISTILL_INLINE terms<V, 4> operator()(const logit_pair<V>& x) const {
    const V zero(lane_scalar<V>(0));
    const V twice = x.difference + x.difference, twice_s = x.student + x.student, twice_t = x.teacher + x.teacher;
    terms<V, 4> result;
    result.term = {x.difference * x.difference, x.difference * (x.student + x.teacher), x.student * x.student,
                   x.teacher * x.teacher};
    result.to_student = {twice, twice_s, twice_s, zero};
    result.to_teacher = {zero - twice, zero - twice_t, zero, twice_t};
    return result;
  }
  template <class Number>
  folded<4, Number> fold(const std::array<Number, 4>& sum) const {
    using std::sqrt;
    const Number s = sqrt(sum[2]), t = sqrt(sum[3]), n = s * t;
    if (n == 0) return {sum[0] == 0 ? 0.0 : 1.0, {}};
    const Number m = s + t, gap = sum[1] / m;  // ‖z_s‖ - ‖z_t‖
    const Number value = (sum[0] - gap * gap) / (2 * n), of_gap = gap * gap / (2 * n * m);
    return {value < 0 ? Number(0) : value,
            {1 / (2 * n), -gap / (m * n), (of_gap - value / (2 * s)) / s, (of_gap - value / (2 * t)) / t}};
  }
};

DISTILL_NAMESPACE_END
