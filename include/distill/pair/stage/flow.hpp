#pragma once

#include "../../dense/product.hpp"
#include "../stage.hpp"

DISTILL_NAMESPACE_BEGIN

/// Inner products of the rows from `first_rows` on with those before: (a + b)×d → b×a, M = factor · X₂ X₁ᵀ.
/// Way back: dX₁ = factor dMᵀ X₂, dX₂ = factor dM X₁.
struct flow {
  index first_rows = 0;
  double factor = 1;

  static constexpr bool pointwise = false, keeps_input = true, keeps_output = false;

  feature_shape out(const feature_shape& in) const { return {in.rows - first_rows, first_rows}; }
  index kept(const feature_shape&) const { return 0; }

  template <class T>
  void forward(matrix_view<const T> in, matrix_view<T> out, T*, const execution& how) const {
    product(second(in), transposed(first(in)), out, {}, how, static_cast<T>(factor));
  }
  template <class T>
  void backward(matrix_view<const T> in, matrix_view<const T>, const T*, matrix_view<T> slope, matrix_view<T> to_in,
                const execution& how) const {
    const matrix_view<const T> dm = slope;
    product(transposed(dm), second(in), first(to_in), {}, how, static_cast<T>(factor));
    product(dm, first(in), second(to_in), {}, how, static_cast<T>(factor));
  }

 private:
  template <class T>
  matrix_view<T> first(const matrix_view<T>& m) const {
    return {m.data, first_rows, m.columns, m.row_stride};
  }
  template <class T>
  matrix_view<T> second(const matrix_view<T>& m) const {
    return {m.row(first_rows), m.rows - first_rows, m.columns, m.row_stride};
  }
};

DISTILL_NAMESPACE_END
