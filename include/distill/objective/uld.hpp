#pragma once

#include <algorithm>
#include <cmath>

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
  double evaluate(const whole_row<T>& row) const {
    const index count = head == 0 ? row.columns : std::min(head, row.columns);
    rank_largest(row.p_s, row.columns, count, row.ranks);
    rank_largest(row.p_t, row.columns, count, row.more_ranks);
    double value = 0, rest_s = 0, rest_t = 0;
    const auto sign = [](auto x) { return static_cast<T>((x > 0) - (x < 0)); };
    const auto answer = [&](index r, T s) {
      if (!row.to_student) return;
      row.to_student[row.ranks[r].column] = s * row.ranks[r].value;
      row.to_teacher[row.more_ranks[r].column] = -s * row.more_ranks[r].value;
    };
    for (index r = count; r < row.columns; ++r) {
      rest_s += static_cast<double>(row.ranks[r].value);
      rest_t += static_cast<double>(row.more_ranks[r].value);
    }
    for (index r = 0; r < row.columns; ++r) {
      if (r == count) value += std::abs(rest_s - rest_t);
      const T difference = row.ranks[r].value - row.more_ranks[r].value;
      if (r < count) value += static_cast<double>(std::abs(difference));
      answer(r, r < count ? sign(difference) : sign(rest_s - rest_t));
    }
    return value;
  }
};

DISTILL_NAMESPACE_END
