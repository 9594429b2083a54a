// Where a softmax is taken: of a linear mix of the named input rows, over the classes that are kept, times a scale.
#pragma once

#include <array>
#include <optional>

#include "../config.hpp"
#include "../core/matrix_view.hpp"
#include "parameter.hpp"

DISTILL_NAMESPACE_BEGIN

/// The rows a call hands over by name. `auxiliary` is a third network: a second teacher, an assistant, one's own past.
enum class input : int { student, teacher, auxiliary };
inline constexpr int input_count = 3;

/// Which classes of a row take part in its softmax. The others are as if they were masked (-inf) for this one leaf.
struct kept_columns {
  enum class rule {
    all,
    listed,          ///< those whose entry in `classes` is not 0
    without_label,   ///< all but the row's label
    without_column,  ///< all but one column, counted from the end when negative
    without_stored,  ///< all but the classes that the batch's stored teacher lists
    band             ///< those between two quantiles of the teacher's row, and the label
  };
  rule which = rule::all;
  index_view classes{};  ///< one number a class
  index column = -1;
  row_parameter lower = 0, upper = 1;

  friend constexpr bool operator==(const kept_columns& a, const kept_columns& b) {
    return a.which == b.which && a.classes == b.classes && a.column == b.column && a.lower == b.lower &&
           a.upper == b.upper;
  }
};

/// u = Σ_k mix[k] · z_k: mix = (1, 0) is the student's row itself, (t, 1 - t) TAID's interpolation. A detached input
/// receives no gradient through this row.
struct row_mix {
  std::array<double, input_count> mix{};
  std::array<bool, input_count> detached{};
  kept_columns columns{};
  /// Instead of inputs: the stored teacher's log-probabilities, and this number at every class that it does not list.
  std::optional<double> stored_or{};

  static constexpr row_mix of(input which) {
    row_mix result;
    result.mix[static_cast<std::size_t>(which)] = 1;
    return result;
  }
  /// The input that this row is, or -1 if it has to be made.
  constexpr int only() const {
    int found = -1;
    for (int k = 0; k < input_count; ++k) {
      const double share = mix[static_cast<std::size_t>(k)];
      if (share == 0) continue;
      if (share != 1 || found >= 0) return -1;
      found = k;
    }
    return columns.which == kept_columns::rule::all ? found : -1;
  }
  friend constexpr bool operator==(const row_mix& a, const row_mix& b) {
    return a.mix == b.mix && a.columns == b.columns && a.stored_or == b.stored_or;
  }
};

/// softmax(u / temperature), or softmax(u / (temperature · sd(u))) when standardised, sd the unbiased standard
/// deviation of the kept logits. Sites that are equal at run time are computed once for a whole expression.
struct site {
  row_mix row;
  row_parameter temperature = 1;
  bool standardised = false;
  bool own_temperature = false;  ///< not the objective's, even where it is the same number

  friend constexpr bool operator==(const site& a, const site& b) {
    return a.row == b.row && a.temperature == b.temperature && a.standardised == b.standardised;
  }
};

/// A teacher of which only k classes a row are stored: N × k class ids (-1 is an empty slot) and the logarithms of
/// their probabilities, taken in the teacher's whole softmax at the objective's temperature.
struct stored_teacher {
  any_matrix<index> classes{};
  any_matrix<double> log_p{};
};

/// The two softmaxes that a divergence compares: student's, teacher's.
using site_pair = std::array<site, 2>;

/// Log-sum-exp statistics of one site of one row: p_i = e^{(u_i - max)·scale} / sum. A commutative monoid over columns.
template <class Number = double>
struct site_statistics {
  Number max = 0, sum = 1;
};

DISTILL_NAMESPACE_END
