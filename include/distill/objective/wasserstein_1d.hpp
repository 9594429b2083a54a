#pragma once

#include <cmath>
#include <limits>

#include "../core/dual.hpp"
#include "../core/sweep.hpp"
#include "../row/algebra.hpp"
#include "../row/objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// Transport between classes that lie on a line, one step from each to the next: ordinal labels, bins of a histogram.
///   value     T² Σ_{c<C} |F_s(c) - F_t(c)|^power,  F(c) = Σ_{j<=c} p_j
///   student   slope p_s G,  G_i = Σ_{i<=c<C} g_c,  g = sign(F_s - F_t), or 2 (F_s - F_t) for power 2; sign(0) = 0
///   teacher   slope -p_t G                          gradient_i = T (slope_i - p_i Σ_j slope_j)
/// Power 1 is the earth mover's distance (W1), power 2 Cramér's, the squared earth mover's. F_s - F_t is summed from
/// p_s - p_t and without what the two normalisers' rounding adds to it: nearly equal rows keep their digits. Classes
/// masked on both sides are not there: their neighbours are one step apart.
/// Source: Rubner et al. 2000; Hou et al. 2016, arXiv 1611.05916 (power 2)
struct wasserstein_1d {
  int power = 1;
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "wasserstein_1d",
                                       .formula = "T² Σ_{c<C} |F_s(c) − F_t(c)|^power",
                                       .source = "Hou et al. 2016, arXiv 1611.05916",
                                       .gradient = "T (p_s G projected), G_i = Σ_{c≥i} sign(F_s − F_t)",
                                       .systems = "ordinal distillation",
                                       .symmetric = true,
                                       .smooth = false};

  void validate(index) const {
    if (power != 1 && power != 2) fail("wasserstein_1d: power is ", power, ", must be 1 or 2");
  }

  template <class T>
  wide<T> evaluate(const whole_row<T>& row) const {
    using std::abs;
    using number = wide<T>;
    using V = simd<T>;
    constexpr T masked = -std::numeric_limits<T>::infinity();
    constexpr double rounding = 4 * std::numeric_limits<double>::epsilon();
    const auto present = [&](index c) { return !(row.z_s[c] == masked && row.z_t[c] == masked); };
    index last = row.columns - 1;  // beyond it F_s = F_t = 1
    while (last >= 0 && !present(last)) --last;
    T* const gained = row.scratch.numbers[0];  // p_s - p_t
    detail::sweep<T>(
        row.padded,
        [](const V& d, const V& p_s, const V& p_t, V& difference) DISTILL_LAMBDA_INLINE {
          difference = element<V>{d, p_s, p_t, p_s, p_t}.pt_expm1();
        },
        row.d, row.p_s, row.p_t, gained);
    number excess = 0, whole = 0;  // should be 0 and 1: the relative error that all probabilities of a row share
    for (index c = 0; c < row.columns; ++c) {
      excess += static_cast<number>(gained[c]);
      whole += static_cast<number>(row.p_t[c]);
    }
    const number error = excess / whole, nothing = excess * 0;  // NaN of either row stays
    number* const steps = row.scratch.wide[0];
    number value = nothing, difference = 0, mass = 0, size = 0;
    for (index c = 0; c < row.columns; ++c) {
      const number own = static_cast<number>(gained[c]);
      difference += own;
      size += abs(own);
      mass += static_cast<number>(row.p_t[c]);
      number gap = c < last && present(c) ? difference - error * mass : nothing;
      if (abs(gap) <= rounding * (size + abs(excess))) gap = detail::zero_along(gap);
      value += power == 1 ? abs(gap) : gap * gap;
      steps[c] = power == 1 ? sign_of(gap) : 2 * gap;
    }
    for (index c = row.columns - 1; c-- > 0;) steps[c] += steps[c + 1];
    write(row.p_s, 1, steps, row.columns, row.to_student);
    write(row.p_t, -1, steps, row.columns, row.to_teacher);
    return value;
  }

 private:
  /// p (G - Σ p G): the projection would take the mean away as well, in T.
  template <class T>
  static void write(const T* p, double sign, const wide<T>* G, index columns, T* to) {
    if (!to) return;
    wide<T> mean = 0;
    for (index c = 0; c < columns; ++c) mean += static_cast<wide<T>>(p[c]) * G[c];
    for (index c = 0; c < columns; ++c) to[c] = static_cast<T>(sign * static_cast<wide<T>>(p[c]) * (G[c] - mean));
  }
};

DISTILL_NAMESPACE_END
