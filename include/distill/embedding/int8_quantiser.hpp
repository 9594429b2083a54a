// Embeddings in a byte a dimension.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN

/// 256 steps between the least and the largest number that each dimension takes in a calibration set:
///   code   trunc(255 (x − least)/(most − least) − 128), towards 0: the step around 0 is twice as wide
///   back   the middle of the numbers that share the code; `least` and `most` come back as they were
///
///     const int8_quantiser<float> small(calibration);              // rows of the kind that will be encoded
///     small.encode(documents, {codes.data(), n, d});               // n × d bytes
///     small.decode({codes.data(), n, d}, {again.data(), n, d});
///
/// What lies out of range, ±inf included, is clamped to it. A dimension that was constant has code 0 and comes back as
/// that constant, whatever it was given. Known ranges are a calibration set of two rows, the least numbers and the
/// largest: ranges(). A plain value. Source: quantisation as of sentence-transformers, whose bytes wrap out of range.
template <class T>
class int8_quantiser {
 public:
  /// @param calibration  n × d  @throws argument_error  no rows, no columns, a number that is not finite
  explicit int8_quantiser(const matrix_view<const T>& calibration) : dimensions_(calibration.columns) {
    if (calibration.rows < 1 || calibration.columns < 1)
      fail("int8_quantiser: calibration is ", calibration.rows, " x ", calibration.columns,
           ", at least 1 x 1 expected");
    ranges_.resize(static_cast<std::size_t>(2 * dimensions_));
    for (index c = 0; c < dimensions_; ++c) {
      T &least = ranges_[static_cast<std::size_t>(c)], &most = ranges_[static_cast<std::size_t>(dimensions_ + c)];
      least = most = calibration(0, c);
      for (index r = 0; r < calibration.rows; ++r) {
        const T x = calibration(r, c);
        if (!std::isfinite(x)) fail("int8_quantiser: calibration(", r, ", ", c, ") is ", x, ", a number expected");
        least = std::min(least, x);
        most = std::max(most, x);
      }
    }
  }

  index dimensions() const { return dimensions_; }
  /// 2 × d: the least number of each dimension, then the largest.
  matrix_view<const T> ranges() const { return {ranges_.data(), 2, dimensions_}; }

  /// @param x      n × d, of any strides, as is `codes`
  /// @throws argument_error  shapes that differ, a NaN; nothing is written then
  void encode(const matrix_view<const T>& x, const matrix_view<std::int8_t>& codes) const {
    check("encode", "x", x.rows, x.columns, "codes", codes.rows, codes.columns);
    for (index r = 0; r < x.rows; ++r)
      for (index c = 0; c < x.columns; ++c)
        if (std::isnan(x(r, c))) fail("int8_quantiser::encode: x(", r, ", ", c, ") is NaN, a number expected");
    for (index r = 0; r < x.rows; ++r)
      for (index c = 0; c < x.columns; ++c) codes(r, c) = code(x(r, c), c);
  }
  /// @throws argument_error  shapes that differ; nothing is written then
  void decode(const matrix_view<const std::int8_t>& codes, const matrix_view<T>& x) const {
    check("decode", "codes", codes.rows, codes.columns, "x", x.rows, x.columns);
    for (index r = 0; r < x.rows; ++r)
      for (index c = 0; c < x.columns; ++c) x(r, c) = number(codes(r, c), c);
  }

 private:
  void check(const char* call, const char* from, index rows, index columns, const char* to, index to_rows,
             index to_columns) const {
    if (columns != dimensions_)
      fail("int8_quantiser::", call, ": ", from, " has ", columns, " columns, the calibration had ", dimensions_);
    if (to_rows != rows || to_columns != columns)
      fail("int8_quantiser::", call, ": ", to, " is ", to_rows, " x ", to_columns, ", ", from, " is ", rows, " x ",
           columns);
  }

  double least(index c) const { return static_cast<double>(ranges_[static_cast<std::size_t>(c)]); }
  double most(index c) const { return static_cast<double>(ranges_[static_cast<std::size_t>(dimensions_ + c)]); }

  std::int8_t code(T x, index c) const {
    const double low = least(c), high = most(c), inside = std::clamp(static_cast<double>(x), low, high);
    const double extent = high / 2 - low / 2;  // halves: a range may be wider than a double
    if (extent == 0) return 0;
    const double step = 255 * ((inside / 2 - low / 2) / extent);
    // trunc(step − 128) without a difference that a compiler may fuse with the product: whole steps stay whole.
    return static_cast<std::int8_t>((step < 128 ? std::ceil(step) : std::floor(step)) - 128);
  }
  T number(std::int8_t code, index c) const {
    const double step = code + 128 + (code > 0 ? 0.5 : code < 0 ? -0.5 : 0);
    const double share = std::clamp(step / 255, 0.0, 1.0);
    return static_cast<T>((1 - share) * least(c) + share * most(c));
  }

  index dimensions_;
  std::vector<T> ranges_;
};

DISTILL_NAMESPACE_END
