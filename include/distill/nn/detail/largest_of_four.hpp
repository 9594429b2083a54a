// The largest of 2×2 pixels, in vectors.
#pragma once

#include <algorithm>

#include "../../config.hpp"
#include "../../core/simd.hpp"
#include "largest_of_window.hpp"
#include "window_shape.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn::detail {

/// One plane of max_pool with windows of 2×2 side by side: two rows become one, a vector of it at a time. Winners are
/// named by their place in the window: 0 1 above, 2 3 below.
template <class T>
struct largest_of_four {
  static constexpr index lanes = lane<simd<T>>::width;

  static void forward(const window_shape& p, const T* in, T* out, T* winners) {
    const index columns = p.out_width();
    for (index i = 0; i < p.out_height(); ++i, in += 2 * p.width, out += columns, winners += columns)
      for (index j = 0; j < columns; j += lanes) {
        simd<T> best, right, left_below, right_below, at(T(0));
        load_pairs(in + 2 * j, 2 * (columns - j), best, right);
        load_pairs(in + p.width + 2 * j, 2 * (columns - j), left_below, right_below);
        contend(best, at, right, 1);
        contend(best, at, left_below, 2);
        contend(best, at, right_below, 3);
        store(out + j, columns - j, best);
        store(winners + j, columns - j, at);
      }
  }

  /// dx = (or +=) dy at the winners, 0 elsewhere.
  static void backward(const window_shape& p, const T* dy, const T* winners, T* dx, bool accumulate) {
    if (accumulate) return largest_of_window<T>::backward(p, dy, winners, dx, true);
    const index columns = p.out_width();
    for (index i = 0; i < p.out_height(); ++i, dx += 2 * p.width, dy += columns, winners += columns) {
      for (index j = 0; j < columns; j += lanes) {
        const simd<T> g = load(dy + j, columns - j), at = load(winners + j, columns - j);
        store_pairs(dx + 2 * j, 2 * (columns - j), won(g, at, 0), won(g, at, 1));
        store_pairs(dx + p.width + 2 * j, 2 * (columns - j), won(g, at, 2), won(g, at, 3));
      }
      if (p.width % 2 != 0) dx[p.width - 1] = dx[2 * p.width - 1] = T(0);
    }
    if (p.height % 2 != 0) std::fill_n(dx, p.width, T(0));
  }

 private:
  /// NaN is the largest, the first one of several.
  DISTILL_INLINE static void contend(simd<T>& best, simd<T>& at, simd<T> v, int place) {
    const auto larger = !(v <= best) && (best == best);
    best = lane<simd<T>>::select(larger, v, best);
    at = lane<simd<T>>::select(larger, simd<T>(static_cast<T>(place)), at);
  }
  DISTILL_INLINE static simd<T> won(simd<T> g, simd<T> at, int place) {
    return lane<simd<T>>::select(at == simd<T>(static_cast<T>(place)), g, simd<T>(T(0)));
  }

  DISTILL_INLINE static simd<T> load(const T* p, index rest) {
    return rest >= lanes ? simd<T>::load_unaligned(p)
                         : distill::detail::load_partial<T>(p, std::max<index>(rest, 0), T(0));
  }
  DISTILL_INLINE static void store(T* p, index rest, simd<T> v) {
    if (rest >= lanes)
      v.store_unaligned(p);
    else if (rest > 0)
      distill::detail::store_partial<T>(p, rest, v);
  }
  DISTILL_INLINE static void load_pairs(const T* p, index rest, simd<T>& even, simd<T>& odd) {
    distill::detail::deinterleave<T>(load(p, rest), load(p + lanes, rest - lanes), even, odd);
  }
  DISTILL_INLINE static void store_pairs(T* p, index rest, simd<T> even, simd<T> odd) {
    simd<T> first, second;
    distill::detail::interleave<T>(even, odd, first, second);
    store(p, rest, first);
    store(p + lanes, rest - lanes, second);
  }
};

}  // namespace nn::detail
DISTILL_NAMESPACE_END
