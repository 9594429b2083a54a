// CKA of more samples than fit into one Gram matrix, from unbiased estimates of batches.
#pragma once

#include <cmath>

#include "../config.hpp"
#include "../core/error.hpp"
#include "chain.hpp"
#include "check.hpp"
#include "comparison/inner_product.hpp"
#include "evaluate.hpp"
#include "stage/centred.hpp"
#include "stage/gram.hpp"

DISTILL_NAMESPACE_BEGIN

/// CKA = Σ_b HSIC₁(K_b, L_b)/√(Σ_b HSIC₁(K_b, K_b) · Σ_b HSIC₁(L_b, L_b)) with linear kernels and the unbiased HSIC₁:
/// the sums do not depend on how samples are grouped into batches, but for noise. A plain value: copying it saves it.
/// Source: Nguyen, Raghu, Kornblith 2021, arXiv 2010.15327, eq. 3.
class minibatch_cka {
 public:
  /// Adds a batch: n samples in rows on both sides. Batches of fewer than four samples have no unbiased estimate.
  /// @throws argument_error  different numbers of rows, fewer than four
  template <class T>
  void add(const matrix_view<const T>& x, const matrix_view<const T>& y, pair_workspace<T>& workspace,
           const execution& how = {}) {
    const sums own = of_batch(x, y, {}, 0, 0, workspace, how);
    xy_ += own.xy, xx_ += own.xx, yy_ += own.yy;
  }

  /// The estimate so far; 0 where it is not defined, because Σ HSIC₁ of one side is not positive. May be negative.
  double value() const { return xx_ > 0 && yy_ > 0 ? xy_ / std::sqrt(xx_) / std::sqrt(yy_) : 0; }
  double hsic() const { return xy_; }

  /// The gradient of 1 − value() with respect to the x of a batch that was added, everything else held:
  ///   dX = −2 (L̃/√(S_xx S_yy) − v K̃/S_xx) X/(n (n − 3))
  /// @throws argument_error  as add(); a gradient of another shape
  template <class T>
  void gradient(const matrix_view<const T>& x, const matrix_view<const T>& y, const matrix_view<T>& to_x,
                pair_workspace<T>& workspace, const execution& how = {}) const {
    if (to_x.rows != x.rows || to_x.columns != x.columns)
      fail("gradient is ", to_x.rows, " x ", to_x.columns, ", x is ", x.rows, " x ", x.columns);
    const bool defined = xx_ > 0 && yy_ > 0;
    of_batch(x, y, to_x, defined ? -1 / std::sqrt(xx_) / std::sqrt(yy_) : 0, defined ? value() / xx_ : 0, workspace,
             how);
  }

 private:
  struct sums {
    double xy = 0, xx = 0, yy = 0;
  };

  /// HSIC₁ of one batch; and into `to`, if it is wanted, 2 (of_y L̃ + of_x K̃) X/(n (n − 3)).
  template <class T>
  static sums of_batch(const matrix_view<const T>& x, const matrix_view<const T>& y, const matrix_view<T>& to,
                       double of_y, double of_x, pair_workspace<T>& workspace, const execution& how) {
    if (y.rows != x.rows) fail("y has ", y.rows, " rows, x has ", x.rows);
    if (x.rows < 4) fail("x has ", x.rows, " rows, at least ", 4, " are needed");
    workspace.reserve_threads(1);
    detail::pair_scratch<T>& scratch = workspace.scratch(0);
    const chain stages(centred_columns{}, gram{}, centred_kernel{kernel_centring::unbiased});
    using side = detail::pair_side<T, std::remove_const_t<decltype(stages)>>;
    const feature_shape xs{x.rows, x.columns}, ys{y.rows, y.columns};
    side first(stages, xs, scratch, 0), second(stages, ys, scratch, 1);
    const matrix_view<const T> k = first.forward(detail::ready(x, x.rows, first), how);
    const matrix_view<const T> l = second.forward(detail::ready(y, y.rows, second), how);
    const auto n = static_cast<double>(x.rows);
    const double share = 1 / (n * (n - 3));
    sums result;
    for (index r = 0; r < x.rows; ++r) {
      result.xy += share * detail::dot<T>(k.row(r), l.row(r), x.rows);
      result.xx += share * detail::dot<T>(k.row(r), k.row(r), x.rows);
      result.yy += share * detail::dot<T>(l.row(r), l.row(r), x.rows);
    }
    if (!to) return result;
    const matrix_view<T> slopes = first.slopes();
    for (index r = 0; r < x.rows; ++r)
      detail::sweep<T>(
          x.rows,
          [a = simd<T>(static_cast<T>(share * of_y)), b = simd<T>(static_cast<T>(share * of_x))](
              const simd<T>& mine, const simd<T>& theirs, simd<T>& s)
              DISTILL_LAMBDA_INLINE { s = a * theirs + b * mine; },
          k.row(r), l.row(r), slopes.row(r));
    detail::store_scaled(first.backward(slopes, how), 1, false, to);
    return result;
  }

  double xy_ = 0, xx_ = 0, yy_ = 0;
};

DISTILL_NAMESPACE_END
