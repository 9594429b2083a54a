#pragma once

#include <algorithm>
#include <cmath>

#include "../core/dual.hpp"
#include "../row/algebra.hpp"
#include "../row/objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// Universal logit distillation: the sorted probabilities compared rank by rank, for vocabularies that do not
/// correspond. The transport distance between the two rows as unordered sets of masses.
///   value     T² Σ_r |p_s(r) - p_t(r)|,  p(r) the r-th largest
///   student   slope p_s sign(p_s(r) - p_t(r)) at the class of rank r
///   teacher   slope -p_t sign(p_s(r) - p_t(r))      gradient_i = T (slope_i - p_i Σ_j slope_j), sign(0) = 0
/// With `head` > 0 only that many ranks are compared one by one, and the masses of the two tails as one: a lower bound
/// of the whole at the price of a selection instead of a sort. Ties are ranked by index. Rows of different length: see
/// row/padded.hpp.
/// Source: Boizard et al. 2024, arXiv 2402.12030
struct uld {
  index head = 0;
  row_parameter temperature = 1;
  temperature_scaling scaling = temperature_scaling::squared;

  static constexpr objective_info info{.name = "uld",
                                       .formula = "T² Σ_r |p_s(r) − p_t(r)|, sorted",
                                       .source = "Boizard et al. 2024, arXiv 2402.12030",
                                       .gradient = "T (p_s sign(p_s(r) − p_t(r)) projected)",
                                       .systems = "ULD, TRL GOLD",
                                       .symmetric = true,
                                       .smooth = false};

  void validate(index) const {
    if (head < 0) fail("uld: head is ", head, ", must not be negative");
  }

  template <class T>
  wide<T> evaluate(const whole_row<T>& row) const {
    using std::abs;
    using number = wide<T>;
    ranked<T>*const s = row.scratch.ranks[0], *const t = row.scratch.ranks[1], *const spare = row.scratch.ranks[2];
    const index count = head == 0 ? row.columns : std::min(head, row.columns);
    sort_largest(row.p_s, row.columns, count, s, spare);
    sort_largest(row.p_t, row.columns, count, t, spare);
    number value = 0, rest_s = 0, rest_t = 0;
    for (index r = 0; r < count; ++r) value += static_cast<number>(abs(s[r].value - t[r].value));
    for (index r = count; r < row.columns; ++r) {
      rest_s += static_cast<number>(s[r].value);
      rest_t += static_cast<number>(t[r].value);
    }
    const T rest = static_cast<T>(sign_of(rest_s - rest_t));
    const auto write = [&](const ranked<T>* own, T direction, T* to) {
      if (!to) return;
      for (index r = 0; r < count; ++r) to[own[r].column] = direction * sign_of(s[r].value - t[r].value) * own[r].value;
      for (index r = count; r < row.columns; ++r) to[own[r].column] = direction * rest * own[r].value;
    };
    write(s, T(1), row.to_student);
    write(t, T(-1), row.to_teacher);
    return value + abs(rest_s - rest_t);
  }
};

DISTILL_NAMESPACE_END
