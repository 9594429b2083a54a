// Convolutions of 3×3 kernels with 16 multiplications where 36 seem to be needed.
#pragma once

#include <algorithm>

#include "../../config.hpp"
#include "../../core/simd.hpp"
#include "../../core/unroll.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn::detail {

using distill::detail::unroll;

/// Winograd's F(2×2, 3×3): 2×2 outputs from a tile of 4×4 inputs,
///
///     y = Aᵀ [(G g Gᵀ) ∘ (Bᵀ d B)] A,   Bᵀ = ⎡1  0 −1  0⎤   G = ⎡ 1   0   0 ⎤   Aᵀ = ⎡1  1  1  0⎤
///                                            ⎢0  1  1  0⎥       ⎢1/2 1/2 1/2⎥        ⎣0  1 −1 −1⎦
///                                            ⎢0 −1  1  0⎥       ⎢1/2−1/2 1/2⎥
///                                            ⎣0  1  0 −1⎦       ⎣ 0   0   1 ⎦
///
/// (Lavin and Gray, Fast algorithms for convolutional neural networks, 2016.) Summed over channels, each of the 16
/// positions is a matrix product of its own: weights U against transformed tiles V. Every step is its own transpose in
/// the gradient: dV and dU are products again, between A dy Aᵀ and the other factor.
///
/// Each input pixel enters only those products that reach the outputs it belongs to, so NaN goes where it should.
/// A vector holds neighbouring channels of one tile.
template <class T>
struct winograd {
  using vector = simd<T>;
  static constexpr index lanes = lane<vector>::width;
  static constexpr int positions = 16;
  /// Tiles and channels of a register block: with 32 registers of the widest kind, or 16.
  static constexpr bool many_registers = lanes * sizeof(T) == 64;
  static constexpr int tile_rows = many_registers ? 14 : 6;
  static constexpr int channel_rows = static_cast<int>(std::min<index>(lanes, many_registers ? 8 : 4));

  static constexpr index padded(index channels) { return (channels + lanes - 1) / lanes * lanes; }
  /// From one position to the next: a line more than needed, for 16 lines at multiples of 4096 bytes would share one
  /// set of the first-level cache.
  static constexpr index stride(index channels, index tiles) { return padded(channels) * tiles + lanes; }

  /// u[position][channel][output] = (G g Gᵀ)[position]; g(output, channel) points to nine weights.
  template <class Kernel>
  static void transform_weights(index channels, index outputs, const Kernel& kernel, bool flip, T* u) {
    const index columns = padded(outputs);
    std::fill_n(u, positions * channels * columns, T(0));
    for (index c = 0; c < channels; ++c)
      for (index o = 0; o < outputs; ++o) {
        const T* g = kernel(o, c);
        T half[4][3];
        const auto at = [&](int i) { return g[flip ? 8 - i : i]; };
        for (int j = 0; j < 3; ++j) spread(at(j), at(3 + j), at(6 + j), half[0][j], half[1][j], half[2][j], half[3][j]);
        T* to = u + c * columns + o;
        for (int i = 0; i < 4; ++i) {
          T r[4];
          spread(half[i][0], half[i][1], half[i][2], r[0], r[1], r[2], r[3]);
          for (int j = 0; j < 4; ++j) to[(i * 4 + j) * channels * columns] = r[j];
        }
      }
  }

  /// g += Gᵀ du G, the transpose of transform_weights.
  template <class Kernel>
  static void add_weight_gradient(index channels, index outputs, const T* du, const Kernel& kernel) {
    const index columns = padded(outputs), next = padded(channels) * columns;
    for (index o = 0; o < outputs; ++o)
      for (index c = 0; c < channels; ++c) {
        T* g = kernel(o, c);
        const T* from = du + c * columns + o;
        T half[3][4];
        for (int j = 0; j < 4; ++j)
          collect(from[j * next], from[(4 + j) * next], from[(8 + j) * next], from[(12 + j) * next], half[0][j],
                  half[1][j], half[2][j]);
        for (int i = 0; i < 3; ++i) {
          T r[3];
          collect(half[i][0], half[i][1], half[i][2], half[i][3], r[0], r[1], r[2]);
          for (int j = 0; j < 3; ++j) g[i * 3 + j] += r[j];
        }
      }
  }

  /// v[position] = (Bᵀ d B)[position] of the tile at d.
  static void transform_input(const T* d, index row, T* v, index next) {
    vector t[4][4];
    unroll<4>([&](auto j) DISTILL_LAMBDA_INLINE {
      const auto at = [&](int i) DISTILL_LAMBDA_INLINE { return vector::load_aligned(d + i * row + j * lanes); };
      difference(at(0), at(1), at(2), at(3), t[0][j], t[1][j], t[2][j], t[3][j]);
    });
    unroll<4>([&](auto i) DISTILL_LAMBDA_INLINE {
      vector r[4];
      difference(t[i][0], t[i][1], t[i][2], t[i][3], r[0], r[1], r[2], r[3]);
      unroll<4>([&](auto j) DISTILL_LAMBDA_INLINE { r[j].store_aligned(v + (i * 4 + j) * next); });
    });
  }

  /// y = Aᵀ m A + bias.
  static void transform_output(const T* m, index next, vector bias, T* y, index row) {
    vector t[2][4];
    unroll<4>([&](auto j) DISTILL_LAMBDA_INLINE {
      const auto at = [&](int i) DISTILL_LAMBDA_INLINE { return vector::load_aligned(m + (i * 4 + j) * next); };
      const vector middle = at(1), low = at(2);
      t[0][j] = at(0) + middle + low;
      t[1][j] = middle - low - at(3);
    });
    unroll<2>([&](auto i) DISTILL_LAMBDA_INLINE {
      (t[i][0] + t[i][1] + t[i][2] + bias).store_aligned(y + i * row);
      (t[i][1] - t[i][2] - t[i][3] + bias).store_aligned(y + i * row + lanes);
    });
  }

  /// m[position] = (A dy Aᵀ)[position].
  static void transform_output_gradient(const T* dy, index row, T* m, index next) {
    vector t[4][2];
    unroll<2>([&](auto j) DISTILL_LAMBDA_INLINE {
      const vector a = vector::load_aligned(dy + j * lanes), b = vector::load_aligned(dy + row + j * lanes);
      t[0][j] = a, t[1][j] = a + b, t[2][j] = a - b, t[3][j] = -b;
    });
    unroll<4>([&](auto i) DISTILL_LAMBDA_INLINE {
      T* to = m + i * 4 * next;
      t[i][0].store_aligned(to);
      (t[i][0] + t[i][1]).store_aligned(to + next);
      (t[i][0] - t[i][1]).store_aligned(to + 2 * next);
      (-t[i][1]).store_aligned(to + 3 * next);
    });
  }

  /// m = v u for one position: v is blocks of channels × tiles × lanes, m the same of outputs, u channels × outputs.
  static void multiply(index channels, index outputs, index tiles, const T* v, const T* u, T* m) {
    const index columns = padded(outputs);
    for (index o = 0; o < columns; o += 2 * lanes)
      for (index t = 0; t < tiles;) {
        const bool two = o + lanes < columns, many = t + tile_rows <= tiles;
        const T* from = v + t * lanes;
        T* to = m + o * tiles + t * lanes;
        if (two && many)
          multiply_block<tile_rows, 2>(channels, tiles, columns, from, u + o, to);
        else if (two)
          multiply_block<tile_rows / 2, 2>(channels, tiles, columns, from, u + o, to);
        else if (many)
          multiply_block<tile_rows, 1>(channels, tiles, columns, from, u + o, to);
        else
          multiply_block<tile_rows / 2, 1>(channels, tiles, columns, from, u + o, to);
        t += many ? tile_rows : tile_rows / 2;
      }
  }

  /// du += vᵀ m for one position; du is padded channels × padded outputs.
  static void multiply_transposed(index channels, index outputs, index tiles, const T* v, const T* m, T* du) {
    const index columns = padded(outputs);
    for (index o = 0; o < columns; o += 2 * lanes)
      for (index c = 0; c < channels; c += channel_rows) {
        const T* from = v + c / lanes * lanes * tiles + c % lanes;
        T* to = du + c * columns + o;
        if (o + lanes < columns)
          add_outer<2>(tiles, from, m + o * tiles, to, columns);
        else
          add_outer<1>(tiles, from, m + o * tiles, to, columns);
      }
  }

 private:
  static void spread(T a, T b, T c, T& r0, T& r1, T& r2, T& r3) {
    const T even = (a + c) / 2, odd = b / 2;
    r0 = a, r1 = even + odd, r2 = even - odd, r3 = c;
  }
  static void collect(T a, T b, T c, T d, T& r0, T& r1, T& r2) {
    const T sum = (b + c) / 2;
    r0 = a + sum, r1 = (b - c) / 2, r2 = sum + d;
  }
  DISTILL_INLINE static void difference(vector a, vector b, vector c, vector d, vector& r0, vector& r1, vector& r2,
                                        vector& r3) {
    r0 = a - c, r1 = b + c, r2 = c - b, r3 = b - d;
  }

  template <int Rows, int Vectors>
  static void multiply_block(index channels, index tiles, index columns, const T* v, const T* u, T* m) {
    vector sum[Rows][Vectors];
    unroll<Rows>([&](auto r) DISTILL_LAMBDA_INLINE {
      unroll<Vectors>([&](auto k) DISTILL_LAMBDA_INLINE { sum[r][k] = vector(T(0)); });
    });
    for (index first = 0; first < channels; first += lanes, v += tiles * lanes)
      for (index c = 0; c < std::min(lanes, channels - first); ++c, u += columns) {
        vector weights[Vectors];
        unroll<Vectors>([&](auto k) DISTILL_LAMBDA_INLINE { weights[k] = vector::load_aligned(u + k * lanes); });
        unroll<Rows>([&](auto r) DISTILL_LAMBDA_INLINE {
          const vector x(v[r * lanes + c]);
          unroll<Vectors>([&](auto k)
                              DISTILL_LAMBDA_INLINE { sum[r][k] = lane<vector>::fma(x, weights[k], sum[r][k]); });
        });
      }
    unroll<Rows>([&](auto r) DISTILL_LAMBDA_INLINE {
      unroll<Vectors>([&](auto k)
                          DISTILL_LAMBDA_INLINE { sum[r][k].store_aligned(m + k * tiles * lanes + r * lanes); });
    });
  }

  template <int Vectors>
  static void add_outer(index tiles, const T* v, const T* m, T* du, index columns) {
    vector sum[channel_rows][Vectors];
    unroll<channel_rows>([&](auto r) DISTILL_LAMBDA_INLINE {
      unroll<Vectors>([&](auto k)
                          DISTILL_LAMBDA_INLINE { sum[r][k] = vector::load_aligned(du + r * columns + k * lanes); });
    });
    for (index t = 0; t < tiles; ++t, v += lanes, m += lanes) {
      vector g[Vectors];
      unroll<Vectors>([&](auto k) DISTILL_LAMBDA_INLINE { g[k] = vector::load_aligned(m + k * tiles * lanes); });
      unroll<channel_rows>([&](auto r) DISTILL_LAMBDA_INLINE {
        const vector x(v[r]);
        unroll<Vectors>([&](auto k) DISTILL_LAMBDA_INLINE { sum[r][k] = lane<vector>::fma(x, g[k], sum[r][k]); });
      });
    }
    unroll<channel_rows>([&](auto r) DISTILL_LAMBDA_INLINE {
      unroll<Vectors>([&](auto k) DISTILL_LAMBDA_INLINE { sum[r][k].store_aligned(du + r * columns + k * lanes); });
    });
  }
};

}  // namespace nn::detail
DISTILL_NAMESPACE_END
