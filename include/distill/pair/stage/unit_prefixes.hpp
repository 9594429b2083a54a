#pragma once

#include <algorithm>
#include <cmath>
#include <span>

#include "../../core/sums.hpp"
#include "../../core/sweep.hpp"
#include "../stage.hpp"

DISTILL_NAMESPACE_BEGIN

/// The first d features of every row at length 1, times √weight, for each of several d side by side: n×D → n×Σd.
/// Without dims the whole row; where `normalise_whole` is off that is copied as it is. A prefix of zeros stays as it
/// is, and gets no gradient. What the spans view must outlive the call. Way back: dx_{:d} += √w (g − y ⟨y,
/// g⟩)/‖x_{:d}‖,  y = x_{:d}/‖x_{:d}‖.
/// @throws argument_error  a d outside [1, D], weights that are not one a d, negative or not finite
/// Source: Kusupati et al. 2022 (Matryoshka), arXiv 2205.13147, §3.
struct unit_prefixes {
  std::span<const index> dims{};
  std::span<const double> weights{};  ///< empty: all 1
  bool normalise_whole = true;

  static constexpr bool pointwise = false, keeps_input = false, keeps_output = true;

  feature_shape out(const feature_shape& in) const {
    if (!weights.empty() && weights.size() != dims.size())
      fail("weights has ", std::ssize(weights), " entries, dims has ", std::ssize(dims));
    for (const double w : weights)
      if (!(w >= 0 && std::isfinite(w))) fail("weights has an entry ", w, ", must be finite and not negative");
    index columns = dims.empty() ? in.columns : 0;
    for (const index d : dims) {
      if (d < 1 || d > in.columns) fail("dims has an entry ", d, ", must lie between 1 and the columns, ", in.columns);
      columns += d;
    }
    return {in.rows, columns};
  }
  index kept(const feature_shape& in) const { return in.rows * std::max<index>(1, std::ssize(dims)); }

  template <class T>
  void forward(matrix_view<const T> in, matrix_view<T> out, T* norms, const execution& how) const {
    detail::for_row_pieces(in.rows, in.rows * out.columns, how, [&](index first, index last) {
      for (index r = first; r < last; ++r)
        each_part(in.columns, [&](index k, index at, index d, double root) {
          const T* const x = in.row(r);
          T* const to = out.row(r) + at;
          if (dims.empty() && !normalise_whole) {
            std::copy_n(x, d, to);
            return;
          }
          const double norm = detail::norm<T>(x, d);
          norms[r * parts() + k] = static_cast<T>(norm);
          detail::resize_to<T>(x, d, root, norm, to);
        });
    });
  }
  template <class T>
  void backward(matrix_view<const T>, matrix_view<const T> out, const T* norms, matrix_view<T> slope,
                matrix_view<T> to_in, const execution& how) const {
    detail::for_row_pieces(out.rows, out.rows * out.columns, how, [&](index first, index last) {
      for (index r = first; r < last; ++r) {
        if (dims.empty() && !normalise_whole) {
          std::copy_n(slope.row(r), slope.columns, to_in.row(r));
          continue;
        }
        detail::fill(to_in.row(r), T(0), to_in.columns);
        each_part(to_in.columns, [&](index k, index at, index d, double root) {
          const auto norm = static_cast<double>(norms[r * parts() + k]);
          if (norm == 0 || root == 0) return;
          const T *const y = out.row(r) + at, *const g = slope.row(r) + at;
          const double along = detail::dot<T>(y, g, d) / (root * root);
          detail::sweep<T>(
              d,
              [a = simd<T>(static_cast<T>(along)), f = simd<T>(static_cast<T>(root / norm))](
                  const simd<T>& from, const simd<T>& slopes, simd<T>& x)
                  DISTILL_LAMBDA_INLINE { x += (slopes - a * from) * f; },
              y, g, to_in.row(r));
        });
      }
    });
  }

 private:
  index parts() const { return std::max<index>(1, std::ssize(dims)); }
  /// Calls f(number, first column, columns, √weight).
  template <class F>
  void each_part(index columns, const F& f) const {
    if (dims.empty()) return f(index{0}, index{0}, columns, 1.0);
    index at = 0;
    for (std::size_t k = 0; k < dims.size(); ++k) {
      f(static_cast<index>(k), at, dims[k], weights.empty() ? 1.0 : std::sqrt(weights[k]));
      at += dims[k];
    }
  }
};

DISTILL_NAMESPACE_END
