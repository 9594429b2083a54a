// The values of every leaf in every row, between the two calls of values() and gradient().
#pragma once

#include <array>
#include <vector>

#include "../config.hpp"
#include "algebra.hpp"
#include "plan.hpp"
#include "site.hpp"

DISTILL_NAMESPACE_BEGIN

/// What values() learns of a batch and gradient() needs again: K leaf values and the statistics of each softmax, at
/// most 16 bytes a site and 8 a leaf for every row. In between, user code turns values into coefficients: weights that
/// depend on the loss itself, a mean over the batch, a selection, an all-reduce over ranks. In calls on dual numbers it
/// is a value_table<X, dual<double>>.
template <row_objective X, class Number = double>
class value_table {
 public:
  static constexpr int leaves = sum_of<X>::leaves;
  using statistics_row = typename detail::row_plan<X>::template statistics_row<Number>;

  index rows() const { return static_cast<index>(values_.size()); }
  /// Leaf k of row r, its T² included and its weight in the sum not.
  Number operator()(index row, int leaf) const {
    return values_[static_cast<std::size_t>(row)][static_cast<std::size_t>(leaf)];
  }
  std::array<Number, static_cast<std::size_t>(leaves)>& values(index row) {
    return values_[static_cast<std::size_t>(row)];
  }
  statistics_row& statistics(index row) { return statistics_[static_cast<std::size_t>(row)]; }
  const statistics_row& statistics(index row) const { return statistics_[static_cast<std::size_t>(row)]; }

  void resize(index rows) {
    values_.resize(static_cast<std::size_t>(rows));
    statistics_.resize(static_cast<std::size_t>(rows));
  }

 private:
  std::vector<std::array<Number, static_cast<std::size_t>(leaves)>> values_;
  std::vector<statistics_row> statistics_;
};

DISTILL_NAMESPACE_END
