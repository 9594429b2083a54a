// The innermost block of a matrix product: a few rows of a times a few vectors of columns of b, summed in registers.
#pragma once

#include "../../config.hpp"
#include "../../core/lane.hpp"
#include "../../core/matrix_view.hpp"
#include "../../core/simd.hpp"
#include "../../core/unroll.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// The largest block: as many sums as the registers hold beside a line of b and an element of a, and no more rows than
/// there are other registers for their addresses, so that a is read where it lies, in any layout. (AVX-512, 8×2: 90 to
/// 95 % of the peak; 12×2 loses 10 % to the addresses, 8×3 gains nothing and wastes more at the edges. AVX2, 4×3: 6×2
/// is 3 % slower, 4×2 10 %.)
template <class T>
struct micro_block {
  static constexpr int width = lane<simd<T>>::width;
  static constexpr int rows = simd_registers >= 32 ? 8 : 4;
  static constexpr int vectors = simd_registers >= 32 ? 2 : 3;
  static constexpr int columns = vectors * width;
};

/// c = initial + factor · a · b for a block; `initial` null for zero, its column stride 0 or 1.
template <class T>
struct micro_target {
  T* c;
  index stride;
  const T* initial;
  index initial_row_stride, initial_column_stride;
  T factor;
};

/// Rows × (Vectors · width) sums over `depth`; a in any layout, b by rows of whole vectors, of which the first
/// `columns` are written: the last vector may be a part.
template <class T, int Rows, int Vectors>
void micro_kernel(index depth, const T* a, index a_row_stride, index a_column_stride, const T* b, index b_stride,
                  const micro_target<T>& to, index columns) {
  using ops = lane<simd<T>>;
  simd<T> sums[Rows][Vectors];
  unroll<Rows>([&](auto r) DISTILL_LAMBDA_INLINE {
    unroll<Vectors>([&](auto v) DISTILL_LAMBDA_INLINE { sums[r][v] = simd<T>(T(0)); });
  });
  unroll<Rows>([&](auto r) DISTILL_LAMBDA_INLINE {
    unroll<Vectors>([&](auto v) DISTILL_LAMBDA_INLINE { prefetch(to.c + r * to.stride + v * ops::width); });
  });
  for (; depth > 0; --depth, a += a_column_stride, b += b_stride) {
    simd<T> line[Vectors];
    unroll<Vectors>([&](auto v) DISTILL_LAMBDA_INLINE { line[v] = simd<T>::load_unaligned(b + v * ops::width); });
    unroll<Rows>([&](auto r) DISTILL_LAMBDA_INLINE {
      const simd<T> left(a[r * a_row_stride]);
      unroll<Vectors>([&](auto v) DISTILL_LAMBDA_INLINE { sums[r][v] = ops::fma(left, line[v], sums[r][v]); });
    });
  }
  const simd<T> factor(to.factor);
  const index rest = columns - (Vectors - 1) * ops::width;  // in the last vector
  const auto finish = [&](const auto& start) DISTILL_LAMBDA_INLINE {
    T* row = to.c;
    unroll<Rows>([&](auto r) DISTILL_LAMBDA_INLINE {
      unroll<Vectors>([&](auto v) DISTILL_LAMBDA_INLINE {
        const bool whole = v + 1 < Vectors || rest == ops::width;
        const simd<T> sum = ops::fma(factor, sums[r][v], start(r, v, whole));
        if (whole)
          sum.store_unaligned(row + v * ops::width);
        else
          store_partial<T>(row + v * ops::width, rest, sum);
      });
      row += to.stride;
    });
  };
  if (to.initial == nullptr)
    finish([](index, index, bool) DISTILL_LAMBDA_INLINE { return simd<T>(T(0)); });
  else if (to.initial_column_stride == 0)
    finish([&](index r, index, bool) DISTILL_LAMBDA_INLINE { return simd<T>(to.initial[r * to.initial_row_stride]); });
  else
    finish([&](index r, index v, bool whole) DISTILL_LAMBDA_INLINE {
      const T* from = to.initial + r * to.initial_row_stride + v * ops::width;
      return whole ? simd<T>::load_unaligned(from) : load_partial<T>(from, rest, T(0));
    });
}

}  // namespace detail
DISTILL_NAMESPACE_END
