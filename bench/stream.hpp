// The yardstick: read s, read t, write g, nothing else. No row objective can be faster.
#pragma once

#include <distill/core/parallel.hpp>
#include <distill/core/simd.hpp>

namespace bench {

template <class T, bool Streaming>
void read_read_write(const T* s, const T* t, T* g, distill::index size, int threads) {
  using V = distill::simd<T>;
  constexpr distill::index w = distill::lane<V>::width, chunk = 1 << 15;
  distill::parallel_for((size + chunk - 1) / chunk, threads, [&](distill::index number, int) {
    const distill::index stop = std::min(size, (number + 1) * chunk);
    distill::index i = number * chunk;
    for (; i + w <= stop; i += w) {
      const V sum = V::load_unaligned(s + i) + V::load_unaligned(t + i);
      if constexpr (Streaming)
        distill::detail::store_stream<T>(g + i, sum);
      else
        sum.store_unaligned(g + i);
    }
    for (; i < stop; ++i) g[i] = s[i] + t[i];
    if constexpr (Streaming) distill::detail::stream_fence();
  });
}

}  // namespace bench
