#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "../../core/math.hpp"
#include "../../core/sums.hpp"
#include "../../core/sweep.hpp"
#include "../stage.hpp"

DISTILL_NAMESPACE_BEGIN

namespace detail {

/// The largest |x|; NaN may be passed over.
template <class T>
T largest_magnitude(const T* x, index size) {
  constexpr index width = lane<simd<T>>::width;
  simd<T> most(T(0));
  index i = 0;
  for (; i + width <= size; i += width)
    most = lane<simd<T>>::max(most, lane<simd<T>>::abs(simd<T>::load_unaligned(x + i)));
  if (i < size) most = lane<simd<T>>::max(most, lane<simd<T>>::abs(load_partial<T>(x + i, size - i, T(0))));
  return reduce_max<T>(most);
}

/// size^power for sizes in [0, 1]; whole powers by multiplication. 0^0 = 1, and +inf where a negative power meets 0.
template <lane_type V>
DISTILL_INLINE V power_of(V size, double power) {
  using T = lane_scalar<V>;
  if (power >= 0 && power <= 8 && power == std::floor(power)) {
    V result(T(1));
    for (int k = static_cast<int>(power); k > 0; --k) result = result * size;
    return result;
  }
  return exp_any(V(static_cast<T>(power)) * natural_log(size));
}

}  // namespace detail

/// Where the activity of a map is: the mean of |x|^power over the rows (channels) for every column (pixel), C×P → 1×P,
/// up to a factor. x is first divided by a power of 2 near the largest |x|, so that nothing overflows or vanishes
/// whatever the features' scale; give the result to a stage that does not see a factor, such as unit_rows.
/// Way back: dx = g p |x|^(p − 1) sign(x)/C, 0 where x = 0.
/// @throws argument_error  power ≤ 0 or not finite
/// Source: Zagoruyko and Komodakis 2017, arXiv 1612.03928, §3.1 (the sum of |x|^p there).
struct attention_map {
  double power = 2;

  static constexpr bool pointwise = false, keeps_input = true, keeps_output = false;

  feature_shape out(const feature_shape& in) const {
    if (!(power > 0 && std::isfinite(power))) fail("attention_map: power is ", power, ", must be positive and finite");
    return {1, in.columns, in.height, in.width};
  }
  index kept(const feature_shape& in) const { return in.rows + 1; }  // the largest |x| of every row; 1/2ᵏ

  template <class T>
  void forward(matrix_view<const T> in, matrix_view<T> out, T* kept, const execution& how) const {
    detail::for_row_pieces(in.rows, in.rows * in.columns, how, [&](index first, index last) {
      for (index r = first; r < last; ++r) kept[r] = detail::largest_magnitude(in.row(r), in.columns);
    });
    const T scale = kept[in.rows] = scale_for(*std::max_element(kept, kept + in.rows));
    detail::for_column_runs(in.rows, in.columns, how, [&](index first, index count) {
      double sum[detail::column_run] = {};
      T powers[detail::column_run];
      for (index r = 0; r < in.rows; ++r) {
        detail::sweep<T>(
            count,
            [this, f = simd<T>(scale)](const simd<T>& x, simd<T>& y)
                DISTILL_LAMBDA_INLINE { y = detail::power_of(f * lane<simd<T>>::abs(x), power); },
            in.row(r) + first, static_cast<T*>(powers));
        for (index c = 0; c < count; ++c) sum[c] += static_cast<double>(powers[c]);
      }
      for (index c = 0; c < count; ++c) out(0, first + c) = static_cast<T>(sum[c] / static_cast<double>(in.rows));
    });
  }
  template <class T>
  void backward(matrix_view<const T> in, matrix_view<const T>, const T* kept, matrix_view<T> slope,
                matrix_view<T> to_in, const execution& how) const {
    const double scale = static_cast<double>(kept[in.rows]), factor = power * scale / static_cast<double>(in.rows);
    detail::for_row_pieces(in.rows, in.rows * in.columns, how, [&](index first, index last) {
      for (index r = first; r < last; ++r)
        detail::sweep<T>(
            in.columns,
            [this, s = simd<T>(kept[in.rows]), f = simd<T>(static_cast<T>(factor)), zero = simd<T>(T(0))](
                const simd<T>& x, const simd<T>& g, simd<T>& to) DISTILL_LAMBDA_INLINE {
              const simd<T> size = f * g * detail::power_of(s * lane<simd<T>>::abs(x), power - 1);
              to = lane<simd<T>>::select(x == zero, zero, lane<simd<T>>::select(x < zero, zero - size, size));
            },
            in.row(r), static_cast<const T*>(slope.row(0)), to_in.row(r));
    });
  }

 private:
  /// A power of 2, so that scaling rounds nothing.
  template <class T>
  static T scale_for(T largest) {
    if (!(largest > 0) || std::isinf(largest)) return 1;
    int exponent = 0;
    static_cast<void>(std::frexp(largest, &exponent));
    constexpr int least = std::numeric_limits<T>::min_exponent, most = std::numeric_limits<T>::max_exponent;
    return std::ldexp(T(1), std::clamp(-exponent, least, most - 16));  // and leaves room for a factor
  }
};

DISTILL_NAMESPACE_END
