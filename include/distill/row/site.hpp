// Where a softmax is taken: of a linear mix of the named input rows, times a scale.
#pragma once

#include <array>

#include "../config.hpp"
#include "parameter.hpp"

DISTILL_NAMESPACE_BEGIN

/// The rows a call hands over by name.
enum class input : int { student, teacher };
inline constexpr int input_count = 2;

/// u = Σ_k mix[k] · z_k: mix = (1, 0) is the student's row itself, (t, 1 - t) TAID's interpolation. A detached input
/// receives no gradient through this row.
struct row_mix {
  std::array<double, input_count> mix{};
  std::array<bool, input_count> detached{};

  static constexpr row_mix of(input which) {
    row_mix result;
    result.mix[static_cast<std::size_t>(which)] = 1;
    return result;
  }
  friend constexpr bool operator==(const row_mix& a, const row_mix& b) { return a.mix == b.mix; }
};

/// softmax(u / temperature). Sites that are equal at run time are computed once for a whole expression.
struct site {
  row_mix row;
  row_parameter temperature = 1;

  friend constexpr bool operator==(const site& a, const site& b) {
    return a.row == b.row && a.temperature == b.temperature;
  }
};

/// The two softmaxes that a separable objective compares.
struct site_pair {
  site student, teacher;
};

/// Log-sum-exp statistics of one site of one row: p_i = e^{(u_i - max)·scale} / sum. A commutative monoid over columns.
struct site_statistics {
  double max = 0, sum = 1;
};

DISTILL_NAMESPACE_END
