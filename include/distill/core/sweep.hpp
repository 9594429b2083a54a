// One SIMD loop for every element-wise pass over arrays.
#pragma once

#include <tuple>
#include <type_traits>

#include "../config.hpp"
#include "matrix_view.hpp"
#include "simd.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// Calls f(batch&...) with a batch of each array for all of [0, size), and stores the batches of the arrays that are
/// not const. Touches nothing beyond the end.
template <class T, class F, class... Element>
DISTILL_INLINE void sweep(index size, F&& f, Element*... arrays) {
  constexpr index width = lane<simd<T>>::width;
  const auto store = [](auto* to, const simd<T>& v, auto&& put) DISTILL_LAMBDA_INLINE {
    if constexpr (!std::is_const_v<std::remove_pointer_t<decltype(to)>>) put(to, v);
  };
  index i = 0;
  for (; i + width <= size; i += width) {
    std::tuple batches{simd<T>::load_unaligned(arrays + i)...};
    std::apply(f, batches);
    std::apply(
        [&](const auto&... v) DISTILL_LAMBDA_INLINE {
          (store(arrays + i, v, [](T* to, const simd<T>& b) DISTILL_LAMBDA_INLINE { b.store_unaligned(to); }), ...);
        },
        batches);
  }
  if (const index rest = size - i; rest > 0) {
    std::tuple batches{load_partial<T>(arrays + i, rest, T(0))...};
    std::apply(f, batches);
    std::apply(
        [&](const auto&... v) DISTILL_LAMBDA_INLINE {
          (store(arrays + i, v,
                 [rest](T* to, const simd<T>& b) DISTILL_LAMBDA_INLINE { store_partial<T>(to, rest, b); }),
           ...);
        },
        batches);
  }
}

/// to += from
template <class T>
DISTILL_INLINE void add_to(T* to, const T* from, index size) {
  sweep<T>(
      size, [](simd<T>& a, const simd<T>& b) DISTILL_LAMBDA_INLINE { a += b; }, to, from);
}

/// to = value, for every element
template <class T>
DISTILL_INLINE void fill(T* to, T value, index size) {
  sweep<T>(
      size, [v = simd<T>(value)](simd<T>& a) DISTILL_LAMBDA_INLINE { a = v; }, to);
}

}  // namespace detail
DISTILL_NAMESPACE_END
