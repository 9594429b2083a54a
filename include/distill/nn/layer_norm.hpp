// Normalisation of each sample's features.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "../config.hpp"
#include "../core/parallel.hpp"
#include "../core/sums.hpp"
#include "../core/sweep.hpp"
#include "detail/pieces.hpp"
#include "layer.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// What is added to the variance, and whether there is a weight and a bias for every feature.
struct layer_norm_options {
  double epsilon = 1e-5;
  bool affine = true;
};

/// Over the last extents, whose product is `features`, each row for itself: y = w ⊙ x̂ + b with x̂ = (x − m)/√(v + ε),
/// m the mean and v the variance (over `features`, not one less) of the row; source: J. Ba, J. Kiros, G. Hinton, "Layer
/// normalization", 2016. w starts at one, b at zero.
///
/// dx = (g − mean(g) − x̂ mean(g ⊙ x̂))/√(v + ε) with g = w ⊙ dy; dw += Σ dy ⊙ x̂, db += Σ dy, over fixed runs of rows and
/// then the runs in order.
/// v is the variance of x − m, and the rounding of m is corrected: an offset of the row costs no digits but those the
/// numbers themselves have lost. A constant row gives b. NaN or an infinity make their row NaN.
template <class T>
class layer_norm : public layer<T> {
 public:
  /// @throws argument_error  features below 1, epsilon not above 0
  explicit layer_norm(index features, layer_norm_options options = {})
      : layer<T>("layer_norm(" + std::to_string(features) + ")"),
        features_(checked(features, options)),
        options_(options),
        weight_("weight", {options.affine ? features : 0}),
        bias_("bias", {options.affine ? features : 0}) {
    std::fill_n(weight_.value().data, weight_.size(), T(1));
  }

  /// Empty if not affine.
  parameter<T>& weight() { return weight_; }
  parameter<T>& bias() { return bias_; }
  std::vector<parameter<T>*> parameters() override {
    return options_.affine ? std::vector<parameter<T>*>{&weight_, &bias_} : std::vector<parameter<T>*>{};
  }

  variable forward(tape<T>& t, variable input) const override {
    const tensor_view<const T> x = t.value(input);
    if (!ends_in_rows(x.shape)) this->fail_shape(x.shape, "…×" + std::to_string(features_));
    const index n = features_, rows = x.size() / n;
    const T epsilon = static_cast<T>(options_.epsilon);
    const parameter_view<T> weight = read(t, weight_), bias = read(t, bias_);
    const tensor_view<T> y = t.allocate(x.shape);
    row_statistics* known = t.memory().template take<row_statistics>(rows);
    distill::detail::for_row_pieces(rows, 4 * x.size(), t.resources(), [&](index first, index last) {
      for (index row = first; row < last; ++row) {
        T* out = y.data + row * n;
        const row_statistics s = known[row] = measure(x.data + row * n, n, epsilon, out);
        const simd<T> offset(s.offset), scale(s.scale);
        if (weight.value == nullptr)
          distill::detail::sweep<T>(
              n, [&](simd<T>& v) DISTILL_LAMBDA_INLINE { v = (v - offset) * scale; }, out);
        else
          distill::detail::sweep<T>(
              n,
              [&](simd<T>& v, const simd<T>& w, const simd<T>& b)
                  DISTILL_LAMBDA_INLINE { v = lane<simd<T>>::fma((v - offset) * scale, w, b); },
              out, weight.value, bias.value);
      }
    });
    const bool learns = weight.gradient != nullptr || bias.gradient != nullptr;
    return t.record(
        y, {input}, [=](tape<T>& on, variable self) { backward(on, self, n, known, weight, bias.gradient); }, learns);
  }

 private:
  /// x̂ = ((x − mean) − offset) · scale: offset is the mean of x − mean, what rounding the mean left.
  struct row_statistics {
    T mean, offset, scale;
  };

  static index checked(index features, const layer_norm_options& options) {
    if (features < 1) fail("layer_norm: features is ", features, ", at least 1 expected");
    if (!(options.epsilon > 0)) fail("layer_norm: epsilon is ", options.epsilon, ", above 0 expected");
    return features;
  }
  bool ends_in_rows(const tensor_shape& shape) const {
    index product = 1;
    for (int axis = shape.rank(); axis-- > 0;)
      if ((product *= shape[axis]) == features_) return true;
    return false;
  }
  parameter_view<T> read(const tape<T>& t, const parameter<T>& p) const {
    return options_.affine ? t.read(p) : parameter_view<T>{};
  }

  /// Leaves x − mean in `rest`.
  static row_statistics measure(const T* x, index n, T epsilon, T* rest) {
    using distill::detail::sum;
    const auto mean = sum(x, n) / static_cast<double>(n);
    using wide = std::remove_const_t<decltype(mean)>;
    const T rounded = static_cast<T>(mean);
    distill::detail::sweep<T>(
        n, [m = simd<T>(rounded)](simd<T>& to, const simd<T>& v) DISTILL_LAMBDA_INLINE { to = v - m; }, rest, x);
    const T* kept = rest;
    const wide offset = sum(kept, n) / static_cast<double>(n);
    const wide variance = distill::detail::dot(kept, kept, n) / static_cast<double>(n) - offset * offset;
    const wide scale = wide(1) / lane<wide>::sqrt(lane<wide>::max(variance, wide(0)) + static_cast<wide>(epsilon));
    return {rounded, static_cast<T>(offset), static_cast<T>(scale)};
  }

  static void backward(tape<T>& t, variable self, index n, const row_statistics* known, const parameter_view<T>& weight,
                       T* bias_gradient) {
    const variable input = t.input(self, 0);
    const T *x = t.value(input).data, *dy = t.gradient(self).data;
    const gradient_slot<T> dx = t.claim_gradient(input);
    const index size = t.value(input).size(), rows = size / n;
    const index pieces = distill::detail::count_row_pieces(rows, 4 * size);
    const arena::position start = t.memory().mark();
    T* sums = t.memory().template take<T>(pieces * 4 * n);  // dw, db, g and x̂ of each piece
    distill::detail::for_row_pieces(rows, 4 * size, t.resources(), [&](index first, index last, index piece) {
      T *dw = sums + piece * 4 * n, *db = dw + n, *g = db + n, *normal = g + n;
      std::fill_n(dw, 2 * n, T(0));
      for (index row = first; row < last; ++row)
        row_back(x + row * n, dy + row * n, n, known[row], weight.value, dw, db, g, normal,
                 dx ? dx.view.data + row * n : nullptr, dx.accumulate);
    });
    for (index piece = 0; piece < pieces; ++piece) {
      const T* dw = sums + piece * 4 * n;
      if (weight.gradient != nullptr) distill::detail::add_to(weight.gradient, dw, n);
      if (bias_gradient != nullptr) distill::detail::add_to(bias_gradient, dw + n, n);
    }
    t.memory().rewind(start);
  }

  static void row_back(const T* x, const T* dy, index n, const row_statistics& s, const T* weight, T* dw, T* db, T* g,
                       T* normal, T* dx, bool add) {
    using distill::detail::sweep;
    const simd<T> mean(s.mean), offset(s.offset), scale(s.scale);
    sweep<T>(
        n,
        [&](simd<T>& to, simd<T>& w, simd<T>& b, const simd<T>& v, const simd<T>& d) DISTILL_LAMBDA_INLINE {
          to = ((v - mean) - offset) * scale;
          w = lane<simd<T>>::fma(d, to, w);
          b += d;
        },
        normal, dw, db, x, dy);
    if (dx == nullptr) return;
    const T* slope = dy;
    if (weight != nullptr) {
      sweep<T>(
          n, [](simd<T>& to, const simd<T>& w, const simd<T>& d) DISTILL_LAMBDA_INLINE { to = w * d; }, g, weight, dy);
      slope = g;
    }
    const T* unit = normal;
    const simd<T> level(static_cast<T>(distill::detail::sum(slope, n) / static_cast<double>(n)));
    const simd<T> along(static_cast<T>(distill::detail::dot(slope, unit, n) / static_cast<double>(n)));
    detail::write_or_add(
        n, add,
        [&](const simd<T>& d, const simd<T>& u) DISTILL_LAMBDA_INLINE { return scale * ((d - level) - u * along); }, dx,
        slope, unit);
  }

  index features_;
  layer_norm_options options_;
  parameter<T> weight_;
  parameter<T> bias_;
};

}  // namespace nn
DISTILL_NAMESPACE_END
