// How the values of the rows become one number. Never implied by a boolean.
#pragma once

#include <limits>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN

/// value = Σ_rows weight · value_row / divisor, and the gradient carries the same divisor.
class reduction {
 public:
  enum class kind { none, sum, mean, mean_valid, mean_weight, count };

  /// Rows stay separate: the gradient of row i is that of its own value. The returned total is their sum.
  static constexpr reduction none() { return reduction(kind::none); }
  static constexpr reduction sum() { return reduction(kind::sum); }
  /// Over all rows of the batch, masked ones included. The default.
  static constexpr reduction mean() { return reduction(kind::mean); }
  /// Each term of a sum over the rows that take part in it: not masked, not of weight 0, label not ignored. In
  /// 0.9 * kl{} + 0.1 * cross_entropy{} with unlabelled rows, kl is averaged over all rows and cross_entropy over the
  /// labelled ones. Without any such row: value 0, gradient 0.
  static constexpr reduction mean_valid() { return reduction(kind::mean_valid); }
  /// Likewise, dividing by the weights of those rows instead of their number.
  static constexpr reduction mean_weight() { return reduction(kind::mean_weight); }
  /// By a number that the caller knows: micro-batches and ranks of one batch give the gradient of the whole.
  static constexpr reduction count(double divisor) {
    if (!(divisor > 0 && divisor < std::numeric_limits<double>::infinity()))
      fail("reduction::count is ", divisor, ", must be positive and finite");
    return reduction(kind::count, divisor);
  }

  constexpr kind how() const { return kind_; }

  /// The divisor of a term in which `valid` of `rows` rows take part with weights adding up to `weight`.
  constexpr double divisor(index rows, index valid, double weight) const {
    switch (kind_) {
      case kind::none:
      case kind::sum: return 1;
      case kind::mean: return static_cast<double>(rows);
      case kind::mean_valid: return static_cast<double>(valid);
      case kind::mean_weight: return weight;
      case kind::count: return given_;
    }
    return 1;
  }

 private:
  constexpr explicit reduction(kind k, double given = 1) : kind_(k), given_(given) {}
  kind kind_;
  double given_;
};

DISTILL_NAMESPACE_END
