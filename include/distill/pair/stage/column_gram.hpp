#pragma once

#include "../../dense/product.hpp"
#include "../../dense/symmetric.hpp"
#include "../stage.hpp"

DISTILL_NAMESPACE_BEGIN

/// Inner products between the columns: n×d → d×d, G = factor · Xᵀ X. Way back: dX = factor X (dG + dGᵀ).
struct column_gram {
  double factor = 1;

  static constexpr bool pointwise = false, keeps_input = true, keeps_output = false;

  feature_shape out(const feature_shape& in) const { return {in.columns, in.columns}; }
  index kept(const feature_shape&) const { return 0; }

  template <class T>
  void forward(matrix_view<const T> in, matrix_view<T> out, T*, const execution& how) const {
    symmetric_product(transposed(in), out, how, static_cast<T>(factor));
  }
  template <class T>
  void backward(matrix_view<const T> in, matrix_view<const T>, const T*, matrix_view<T> slope, matrix_view<T> to_in,
                const execution& how) const {
    add_transpose(slope, how);
    product(in, slope, to_in, {}, how, static_cast<T>(factor));
  }
};

DISTILL_NAMESPACE_END
