// Convolutions of 3×3 kernels and stride 1 between many channels.
#pragma once

#include <algorithm>

#include "../../config.hpp"
#include "../../core/sweep.hpp"
#include "channel_blocks.hpp"
#include "convolution_shape.hpp"
#include "winograd.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn::detail {

/// The convolution of one group by Winograd's minimal filtering. A few images at a time are brought into blocks of
/// channels; their tiles go through in runs that stay in the second-level cache.
template <class T>
class winograd_convolution {
  using form = winograd<T>;
  using blocks = channel_blocks<T>;

 public:
  static bool serves(const convolution_shape& s) {
    return s.window == 3 && s.stride == 1 && s.padding <= 2 && s.inputs >= 8 && s.outputs >= 8;
  }

  explicit winograd_convolution(const convolution_shape& shape)
      : shape_(shape), forward_(shape), reversed_(shape.reversed()) {
    // The gradient of y serves twice: with the border that the way back to x needs, and in whole tiles of y.
    blocks& gradient = reversed_.input;
    gradient.rows = std::max(gradient.rows, border() + 2 * forward_.tile_rows);
    gradient.columns = std::max(gradient.columns, border() + 2 * forward_.tile_columns);
  }

  /// Images that are worth taking together: enough tiles for the matrix products.
  index images() const { return std::max<index>(1, largest_run / forward_.tiles()); }

  /// Of the weights as forward() or backward() want them.
  index prepared_size() const { return form::positions * form::padded(shape_.inputs) * form::padded(shape_.outputs); }
  void prepare_forward(const T* weights, T* prepared) const {
    form::transform_weights(
        shape_.inputs, shape_.outputs, [&](index o, index c) { return weights + (o * shape_.inputs + c) * 9; }, false,
        prepared);
  }
  void prepare_backward(const T* weights, T* prepared) const {
    form::transform_weights(
        shape_.outputs, shape_.inputs, [&](index c, index o) { return weights + (o * shape_.inputs + c) * 9; }, true,
        prepared);
  }

  index forward_scratch() const {
    return images() * (forward_.input.size() + forward_.output.size()) + run_scratch(forward_);
  }
  /// y = bias + the convolution of x.
  void forward(const T* prepared, const T* bias, image_run<const T> x, image_run<T> y, T* scratch) const {
    T* input = scratch;
    T* output = input + images() * forward_.input.size();
    T* memory = output + images() * forward_.output.size();
    for (index n = 0; n < x.count; ++n)
      forward_.input.gather(x.image(n), shape_.height, shape_.width, shape_.padding, input + n * forward_.input.size());
    convolve(forward_, prepared, bias, x.count, input, output, memory);
    for (index n = 0; n < y.count; ++n)
      forward_.output.scatter(output + n * forward_.output.size(), shape_.out_height(), shape_.out_width(), y.image(n));
  }

  index sum_size() const { return prepared_size(); }
  index backward_scratch() const {
    return images() * (forward_.input.size() + reversed_.input.size() + reversed_.output.size()) +
           std::max(run_scratch(forward_), run_scratch(reversed_));
  }
  /// Adds to the sums that become the gradient of the weights, and writes or adds the gradient of x; either pointer may
  /// be null.
  void backward(const T* prepared, image_run<const T> x, image_run<const T> dy, image_run<T> dx, bool accumulate,
                T* sums, T* scratch) const {
    const blocks &gradient = reversed_.input, &input_gradient = reversed_.output;
    T* dy_blocks = scratch;
    T* input = dy_blocks + images() * gradient.size();
    T* output = input + images() * forward_.input.size();
    T* memory = output + images() * input_gradient.size();
    for (index n = 0; n < dy.count; ++n)
      gradient.gather(dy.image(n), shape_.out_height(), shape_.out_width(), border(), dy_blocks + n * gradient.size());
    if (sums != nullptr) {
      for (index n = 0; n < x.count; ++n)
        forward_.input.gather(x.image(n), shape_.height, shape_.width, shape_.padding,
                              input + n * forward_.input.size());
      add_products(x.count, input, dy_blocks + border() * (gradient.row_stride() + blocks::lanes), sums, memory);
    }
    if (dx) {
      convolve(reversed_, prepared, nullptr, dy.count, dy_blocks, output, memory);
      for (index n = 0; n < dx.count; ++n) {
        T* from = output + n * input_gradient.size();
        if (accumulate) input_gradient.add(dx.image(n), shape_.height, shape_.width, from);
        input_gradient.scatter(from, shape_.height, shape_.width, dx.image(n));
      }
    }
  }
  /// weights' gradient += what the sums stand for.
  void add_weight_gradient(const T* sums, T* gradient) const {
    form::add_weight_gradient(shape_.inputs, shape_.outputs, sums,
                              [&](index o, index c) { return gradient + (o * shape_.inputs + c) * 9; });
  }

 private:
  /// Tiles of a run: the transformed tiles of 64 channels in and out take half a megabyte.
  static constexpr index largest_run = 4 * form::tile_rows;

  /// What lies where in a convolution of 3×3 kernels.
  struct plan {
    index tile_rows, tile_columns;
    blocks input, output;

    explicit plan(const convolution_shape& s)
        : tile_rows((s.out_height() + 1) / 2),
          tile_columns((s.out_width() + 1) / 2),
          input{s.inputs, 2 * tile_rows + 2, 2 * tile_columns + 2},
          output{s.outputs, 2 * tile_rows, 2 * tile_columns} {}
    index tiles() const { return tile_rows * tile_columns; }
  };

  /// Around the gradient of y.
  index border() const { return 2 - shape_.padding; }

  static index run_scratch(const plan& p) {
    return form::positions *
           (form::stride(p.input.channels, largest_run) + form::stride(p.output.channels, largest_run));
  }

  /// Calls at(tile of the run, image, tile row, tile column) for tiles [first, first + count) of a row of images.
  template <class At>
  static void for_each_tile(const plan& p, index first, index count, const At& at) {
    index n = first / p.tiles(), y = first % p.tiles() / p.tile_columns, x = first % p.tile_columns;
    for (index t = 0; t < count; ++t) {
      at(t, n, y, x);
      if (++x == p.tile_columns) {
        x = 0;
        if (++y == p.tile_rows) y = 0, ++n;
      }
    }
  }

  /// v = the transformed tiles of a run, room for `tiles` ≥ count of them: those that are missing are zero.
  static void transform_input(const plan& p, index first, index count, index tiles, const T* input, T* v) {
    const blocks& in = p.input;
    const index next = form::stride(in.channels, tiles);
    for (index b = 0; b < in.blocks(); ++b) {
      T* to = v + b * tiles * blocks::lanes;
      for_each_tile(p, first, count, [&](index t, index n, index y, index x) DISTILL_LAMBDA_INLINE {
        form::transform_input(
            input + n * in.size() + b * in.block_stride() + 2 * (y * in.row_stride() + x * blocks::lanes),
            in.row_stride(), to + t * blocks::lanes, next);
      });
      for (index i = 0; i < form::positions && count < tiles; ++i)
        std::fill_n(to + i * next + count * blocks::lanes, (tiles - count) * blocks::lanes, T(0));
    }
  }

  static void convolve(const plan& p, const T* weights, const T* bias, index images, const T* input, T* output,
                       T* memory) {
    const blocks &in = p.input, &out = p.output;
    const index all = images * p.tiles();
    T* v = memory;
    T* m = v + form::positions * form::stride(in.channels, largest_run);
    for (index first = 0; first < all; first += largest_run) {
      constexpr index step = form::tile_rows / 2;
      const index count = std::min(largest_run, all - first), tiles = (count + step - 1) / step * step;
      const index next = form::stride(in.channels, tiles), next_out = form::stride(out.channels, tiles);
      transform_input(p, first, count, tiles, input, v);
      for (index i = 0; i < form::positions; ++i)
        form::multiply(in.channels, out.channels, tiles, v + i * next,
                       weights + i * in.channels * form::padded(out.channels), m + i * next_out);
      for (index b = 0; b < out.blocks(); ++b) {
        const T* from = m + b * tiles * blocks::lanes;
        const index channel = b * blocks::lanes, used = out.channels - channel;
        const simd<T> offset = bias == nullptr         ? simd<T>(T(0))
                               : used >= blocks::lanes ? simd<T>::load_unaligned(bias + channel)
                                                       : distill::detail::load_partial<T>(bias + channel, used, T(0));
        for_each_tile(p, first, count, [&](index t, index n, index y, index x) DISTILL_LAMBDA_INLINE {
          form::transform_output(
              from + t * blocks::lanes, next_out, offset,
              output + n * out.size() + b * out.block_stride() + 2 * (y * out.row_stride() + x * blocks::lanes),
              out.row_stride());
        });
      }
    }
  }

  /// sums += products of the tiles of x and of dy.
  void add_products(index images, const T* input, const T* dy, T* sums, T* memory) const {
    const blocks& gradient = reversed_.input;
    const index all = images * forward_.tiles();
    T* v = memory;
    T* m = v + form::positions * form::stride(shape_.inputs, largest_run);
    for (index first = 0; first < all; first += largest_run) {
      const index count = std::min(largest_run, all - first);
      const index next = form::stride(shape_.inputs, count), next_out = form::stride(shape_.outputs, count);
      transform_input(forward_, first, count, count, input, v);
      for (index b = 0; b < gradient.blocks(); ++b)
        for_each_tile(forward_, first, count, [&](index t, index n, index y, index x) DISTILL_LAMBDA_INLINE {
          form::transform_output_gradient(dy + n * gradient.size() + b * gradient.block_stride() +
                                              2 * (y * gradient.row_stride() + x * blocks::lanes),
                                          gradient.row_stride(), m + (b * count + t) * blocks::lanes, next_out);
        });
      for (index i = 0; i < form::positions; ++i)
        form::multiply_transposed(shape_.inputs, shape_.outputs, count, v + i * next, m + i * next_out,
                                  sums + i * form::padded(shape_.inputs) * form::padded(shape_.outputs));
    }
  }

  convolution_shape shape_;
  plan forward_, reversed_;
};

}  // namespace nn::detail
DISTILL_NAMESPACE_END
