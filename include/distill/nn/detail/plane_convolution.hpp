// Convolutions of stride 1 with few channels: pixels side by side in a vector.
#pragma once

#include <algorithm>

#include "../../config.hpp"
#include "../../core/simd.hpp"
#include "../../core/sweep.hpp"
#include "../../core/unroll.hpp"
#include "convolution_shape.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn::detail {

using distill::detail::unroll;

/// The convolution of one group, directly: a vector holds neighbouring pixels of a row of the output, several outputs
/// share the loads of the input. The input is read from a copy with zeros around it.
template <class T>
class plane_convolution {
  using vector = simd<T>;
  static constexpr index lanes = lane<vector>::width;

 public:
  static bool serves(const convolution_shape& s) { return s.stride == 1 && s.window > 1 && s.padding < s.window; }

  explicit plane_convolution(const convolution_shape& shape) : shape_(shape), reversed_(shape.reversed()) {}

  index images() const { return 1; }

  /// weights[output][input][tap] as [block of outputs][input][tap][output in block].
  index prepared_size() const { return shape_.weights(); }
  void prepare_forward(const T* weights, T* prepared) const {
    const index taps = shape_.taps();
    arrange(
        shape_, [&](index o, index c, index tap) { return weights[(o * shape_.inputs + c) * taps + tap]; }, prepared);
  }
  void prepare_backward(const T* weights, T* prepared) const {
    const index taps = shape_.taps();
    arrange(
        reversed_,
        [&](index c, index o, index tap) { return weights[(o * shape_.inputs + c) * taps + taps - 1 - tap]; },
        prepared);
  }

  index forward_scratch() const { return padded_size(shape_); }
  void forward(const T* prepared, const T* bias, image_run<const T> x, image_run<T> y, T* scratch) const {
    for (index n = 0; n < x.count; ++n) {
      pad(shape_, x.image(n), scratch);
      convolve<false>(shape_, prepared, bias, scratch, y.image(n));
    }
  }

  index sum_size() const { return shape_.weights(); }
  index backward_scratch() const { return std::max(padded_size(shape_), padded_size(reversed_)); }
  void backward(const T* prepared, image_run<const T> x, image_run<const T> dy, image_run<T> dx, bool accumulate,
                T* sums, T* scratch) const {
    for (index n = 0; n < dy.count; ++n) {
      if (sums != nullptr) {
        pad(shape_, x.image(n), scratch);
        add_products(scratch, dy.image(n), sums);
      }
      if (dx) {
        pad(reversed_, dy.image(n), scratch);
        if (accumulate)
          convolve<true>(reversed_, prepared, nullptr, scratch, dx.image(n));
        else
          convolve<false>(reversed_, prepared, nullptr, scratch, dx.image(n));
      }
    }
  }
  void add_weight_gradient(const T* sums, T* gradient) const {
    distill::detail::add_to(gradient, sums, shape_.weights());
  }

 private:
  static constexpr int most_outputs = 8;
  static constexpr int tap_block = 9;     // taps of the weight gradient at a time
  static constexpr int output_block = 3;  // outputs of the weight gradient at a time

  static index pitch(const convolution_shape& s) { return s.width + 2 * s.padding; }
  static index padded_plane(const convolution_shape& s) { return pitch(s) * (s.height + 2 * s.padding); }
  /// Vectors at the end of a row read beyond it.
  static index padded_size(const convolution_shape& s) {
    return (s.inputs * padded_plane(s) + 3 * lanes) / lanes * lanes;
  }

  static void pad(const convolution_shape& s, const T* planes, T* to) {
    std::fill_n(to, padded_size(s), T(0));
    for (index c = 0; c < s.inputs; ++c)
      for (index y = 0; y < s.height; ++y)
        std::copy_n(planes + (c * s.height + y) * s.width, s.width,
                    to + c * padded_plane(s) + (y + s.padding) * pitch(s) + s.padding);
  }

  static index block_of(index outputs) { return outputs >= most_outputs ? most_outputs : outputs >= 4 ? 4 : 1; }

  template <class Weight>
  static void arrange(const convolution_shape& s, const Weight& weight, T* to) {
    for (index o = 0; o < s.outputs;) {
      const index block = block_of(s.outputs - o);
      for (index c = 0; c < s.inputs; ++c)
        for (index tap = 0; tap < s.taps(); ++tap)
          for (index i = 0; i < block; ++i) *to++ = weight(o + i, c, tap);
      o += block;
    }
  }

  template <bool Accumulate>
  static void convolve(const convolution_shape& s, const T* weights, const T* bias, const T* padded, T* y) {
    for (index o = 0; o < s.outputs;) {
      const index block = block_of(s.outputs - o);
      const T* b = bias == nullptr ? nullptr : bias + o;
      T* to = y + o * s.out_plane();
      if (block == most_outputs)
        convolve_outputs<most_outputs, Accumulate>(s, weights, b, padded, to);
      else if (block == 4)
        convolve_outputs<4, Accumulate>(s, weights, b, padded, to);
      else
        convolve_outputs<1, Accumulate>(s, weights, b, padded, to);
      weights += block * s.inputs * s.taps();
      o += block;
    }
  }

  /// `Outputs` planes, two vectors of a row at a time.
  template <int Outputs, bool Accumulate>
  static void convolve_outputs(const convolution_shape& s, const T* weights, const T* bias, const T* padded, T* y) {
    const index width = s.out_width();
    for (index i = 0; i < s.out_height(); ++i)
      for (index j = 0; j < width; j += 2 * lanes) {
        const T* from = padded + i * pitch(s) + j;
        T* to = y + i * width + j;
        if (j + lanes < width)
          convolve_vectors<Outputs, 2, Accumulate>(s, weights, bias, from, to, width - j);
        else
          convolve_vectors<Outputs, 1, Accumulate>(s, weights, bias, from, to, width - j);
      }
  }

  template <int Outputs, int Vectors, bool Accumulate>
  DISTILL_INLINE static void convolve_vectors(const convolution_shape& s, const T* weights, const T* bias,
                                              const T* from, T* to, index rest) {
    vector sum[Outputs][Vectors];
    unroll<Outputs>([&](auto o) DISTILL_LAMBDA_INLINE {
      unroll<Vectors>([&](auto v) DISTILL_LAMBDA_INLINE { sum[o][v] = vector(bias == nullptr ? T(0) : bias[o]); });
    });
    for (index c = 0; c < s.inputs; ++c, from += padded_plane(s))
      for (index ky = 0; ky < s.window; ++ky)
        for (index kx = 0; kx < s.window; ++kx, weights += Outputs) {
          vector x[Vectors];
          unroll<Vectors>([&](auto v) DISTILL_LAMBDA_INLINE {
            x[v] = vector::load_unaligned(from + ky * pitch(s) + kx + v * lanes);
          });
          unroll<Outputs>([&](auto o) DISTILL_LAMBDA_INLINE {
            const vector w(weights[o]);
            unroll<Vectors>([&](auto v) DISTILL_LAMBDA_INLINE { sum[o][v] = lane<vector>::fma(w, x[v], sum[o][v]); });
          });
        }
    unroll<Outputs>([&](auto o) DISTILL_LAMBDA_INLINE {
      unroll<Vectors>([&](auto v) DISTILL_LAMBDA_INLINE {
        T* at = to + o * s.out_plane() + v * lanes;
        const index left = rest - v * lanes;
        if (left >= lanes) {
          if constexpr (Accumulate) sum[o][v] += vector::load_unaligned(at);
          sum[o][v].store_unaligned(at);
        } else {
          if constexpr (Accumulate) sum[o][v] += distill::detail::load_partial<T>(at, left, T(0));
          distill::detail::store_partial<T>(at, left, sum[o][v]);
        }
      });
    });
  }

  /// sums[output][input][tap] += Σ over pixels of dy · x at the tap.
  void add_products(const T* padded, const T* dy, T* sums) const {
    const index taps = shape_.taps();
    for (index o = 0; o < shape_.outputs;) {
      const index block = o + output_block <= shape_.outputs ? output_block : 1;
      for (index c = 0; c < shape_.inputs; ++c)
        for (index tap = 0; tap < taps; tap += tap_block) {
          T* to = sums + (o * shape_.inputs + c) * taps + tap;
          const T* from = padded + c * padded_plane(shape_);
          if (block == 1)
            add_taps<1>(from, dy + o * shape_.out_plane(), tap, to);
          else
            add_taps<output_block>(from, dy + o * shape_.out_plane(), tap, to);
        }
      o += block;
    }
  }

  template <int Outputs>
  void add_taps(const T* from, const T* dy, index first_tap, T* sums) const {
    const index width = shape_.out_width(), taps = std::min<index>(tap_block, shape_.taps() - first_tap);
    index offset[tap_block];  // of taps that do not exist: anything, the result is dropped
    for (index i = 0; i < tap_block; ++i) {
      const index tap = first_tap + std::min(i, taps - 1);
      offset[i] = tap / shape_.window * pitch(shape_) + tap % shape_.window;
    }
    vector sum[Outputs][tap_block];
    unroll<Outputs>([&](auto o) DISTILL_LAMBDA_INLINE {
      unroll<tap_block>([&](auto k) DISTILL_LAMBDA_INLINE { sum[o][k] = vector(T(0)); });
    });
    const auto add = [&](const T* x, const T* g, auto&& load) DISTILL_LAMBDA_INLINE {
      vector d[Outputs];
      unroll<Outputs>([&](auto o) DISTILL_LAMBDA_INLINE { d[o] = load(g + o * shape_.out_plane()); });
      unroll<tap_block>([&](auto k) DISTILL_LAMBDA_INLINE {
        const vector at = load(x + offset[k]);
        unroll<Outputs>([&](auto o) DISTILL_LAMBDA_INLINE { sum[o][k] = lane<vector>::fma(d[o], at, sum[o][k]); });
      });
    };
    for (index i = 0; i < shape_.out_height(); ++i, from += pitch(shape_), dy += width) {
      index j = 0;
      for (; j + lanes <= width; j += lanes)
        add(from + j, dy + j, [](const T* p) DISTILL_LAMBDA_INLINE { return vector::load_unaligned(p); });
      if (j < width)
        add(from + j, dy + j,
            [&](const T* p) DISTILL_LAMBDA_INLINE { return distill::detail::load_partial<T>(p, width - j, T(0)); });
    }
    unroll<Outputs>([&](auto o) DISTILL_LAMBDA_INLINE {
      unroll<tap_block>([&](auto k) DISTILL_LAMBDA_INLINE {
        if (k < taps)
          sums[o * shape_.inputs * shape_.taps() + k] += static_cast<T>(distill::detail::reduce_sum<T>(sum[o][k]));
      });
    });
  }

  convolution_shape shape_, reversed_;
};

}  // namespace nn::detail
DISTILL_NAMESPACE_END
