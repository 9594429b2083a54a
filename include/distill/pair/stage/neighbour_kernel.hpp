#pragma once

#include <algorithm>
#include <cmath>

#include "../stage.hpp"

DISTILL_NAMESPACE_BEGIN

/// A graph of nearest neighbours from squared distances d: a_ij = exp(−d_ij/(2σ)) where i is among the k rows nearest
/// to j (itself not counted; of equal distances the lower index first), 0 elsewhere. Not symmetric. k is clipped to
/// n − 1. The choice of neighbours counts as constant on the way back: dd_ij = −g_ij a_ij/(2σ).
/// Source: Zhang et al. 2023 (TRG), arXiv 2306.12442, as summarised: σ is not squared.
struct neighbour_kernel {
  index neighbours = 8;
  double sigma = 1;

  static constexpr bool pointwise = true, keeps_input = false, keeps_output = true;

  feature_shape out(const feature_shape& in) const {
    if (neighbours < 1) fail("neighbour_kernel: neighbours is ", neighbours, ", must be at least 1");
    if (!(sigma > 0)) fail("neighbour_kernel: sigma is ", sigma, ", must be positive");
    return in;
  }
  index kept(const feature_shape& in) const { return 2 * in.rows; }

  template <class T>
  void forward(matrix_view<const T> in, matrix_view<T> out, T* kept, const execution&) const {
    const index n = in.rows, k = std::min(neighbours, n - 1);
    T *const column = kept, *const ordered = kept + n;
    for (index j = 0; j < n; ++j) {
      index others = 0;
      for (index i = 0; i < n; ++i) {
        column[i] = in(i, j);
        if (i != j) ordered[others++] = column[i];
      }
      if (k > 0) std::nth_element(ordered, ordered + (k - 1), ordered + others);
      const T farthest = k > 0 ? ordered[k - 1] : T(0);
      index nearer = 0;
      for (index i = 0; i < n; ++i) nearer += i != j && column[i] < farthest;
      index ties = k - nearer;  // of those at the same distance as the farthest
      for (index i = 0; i < n; ++i) {
        const bool tied = column[i] == farthest && i != j;
        const bool chosen = i != j && k > 0 && (column[i] < farthest || (tied && ties-- > 0));
        out(i, j) = std::isnan(column[i]) ? column[i]
                    : chosen              ? static_cast<T>(std::exp(-static_cast<double>(column[i]) / (2 * sigma)))
                                          : T(0);
      }
    }
  }
  template <class T>
  void backward(matrix_view<const T>, matrix_view<const T> out, T*, matrix_view<T> slope, matrix_view<T> to_in,
                const execution&) const {
    const auto factor = static_cast<T>(-1 / (2 * sigma));
    for (index r = 0; r < out.rows; ++r)
      for (index c = 0; c < out.columns; ++c) to_in(r, c) = factor * out(r, c) * slope(r, c);
  }
};

DISTILL_NAMESPACE_END
