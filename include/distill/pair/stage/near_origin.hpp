#pragma once

#include <algorithm>
#include <cmath>

#include "../stage.hpp"

DISTILL_NAMESPACE_BEGIN

/// A constant taken off every column, for stages that do not feel it but compute better near the origin: distances.
/// It is the column's mean to a sixteenth of its spread, so that subtracting it rounds nothing where the column's
/// numbers are alike or few: equal distances stay equal. Way back: the slopes as they are.
struct near_origin {
  static constexpr bool pointwise = true, keeps_input = false, keeps_output = false;

  feature_shape out(const feature_shape& in) const { return in; }
  index kept(const feature_shape&) const { return 0; }

  template <class T>
  void forward(matrix_view<const T> in, matrix_view<T> out, T*, const execution& how) const {
    detail::for_column_runs(in.rows, in.columns, how, [&](index first, index count) {
      T base[detail::column_run], least[detail::column_run], most[detail::column_run];
      double mean[detail::column_run] = {};
      for (T* const start : {base, least, most}) std::copy_n(&in(0, first), count, start);
      for (index r = 0; r < in.rows; ++r)
        for (index c = 0; c < count; ++c) {
          const T x = in(r, first + c);
          mean[c] += static_cast<double>(x - base[c]);
          least[c] = std::min(least[c], x);
          most[c] = std::max(most[c], x);
        }
      for (index c = 0; c < count; ++c) {
        const double centre = static_cast<double>(base[c]) + mean[c] / static_cast<double>(in.rows);
        const double spread = static_cast<double>(most[c]) - static_cast<double>(least[c]);
        const double step = spread > 0 && std::isfinite(spread) ? std::ldexp(1.0, std::ilogb(spread) - 4) : 0;
        base[c] = static_cast<T>(step > 0 ? std::round(centre / step) * step : centre);
      }
      for (index r = 0; r < in.rows; ++r)
        for (index c = 0; c < count; ++c) out(r, first + c) = in(r, first + c) - base[c];
    });
  }
  template <class T>
  void backward(matrix_view<const T>, matrix_view<const T>, const T*, matrix_view<T> slope, matrix_view<T> to_in,
                const execution&) const {
    for (index r = 0; r < slope.rows && slope.data != to_in.data; ++r)
      std::copy_n(slope.row(r), slope.columns, to_in.row(r));
  }
};

DISTILL_NAMESPACE_END
