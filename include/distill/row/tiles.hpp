// Visits the rows of a batch, tile by tile and thread by thread.
#pragma once

#include <algorithm>
#include <array>

#include "../config.hpp"
#include "../core/parallel.hpp"
#include "batch.hpp"
#include "kernel.hpp"
#include "workspace.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// A thread is worth waking for this many elements.
inline constexpr index elements_per_chunk = 8192;
/// Rows of a produced tile: a cache line of a column-major matrix serves all of them.
inline constexpr index tile_rows = 16;
/// Gradients larger than this leave past the caches: nobody will find them there.
inline constexpr index stream_bytes = index(16) << 20;

/// Calls visit(kernel, row, memory, how) for every row, in chunks that do not depend on the thread count.
template <row_objective X, class T, class Visit>
void for_each_row(const sum_of<X>& sum, const row_plan<X>& plan, const batch<T>& in, const gradients<T>& out,
                  store_mode store, const execution& how, row_workspace<T>& workspace, const Visit& visit) {
  const index rows = in.student.rows(), columns = in.student.columns();
  const index tile_stride = padded(columns, static_cast<index>(cache_line / sizeof(T)));
  index indirect = 0;
  for (int k = 0; k < input_count; ++k) {
    if (plan.used[static_cast<std::size_t>(k)] && !in[static_cast<input>(k)].direct()) ++indirect;
    if (out[static_cast<input>(k)] && !out[static_cast<input>(k)].direct()) ++indirect;
  }
  index chunk = std::max<index>(1, elements_per_chunk / columns);
  if (indirect > 0) chunk = std::max(chunk, tile_rows);
  const index chunks = (rows + chunk - 1) / chunk;
  const int threads = static_cast<int>(std::min<index>(how.count(), chunks));
  workspace.reserve_threads(std::max(1, threads));
  const index kernel_size = row_kernel<T, X>::scratch_size(plan, columns);
  const bool accumulate = store == store_mode::accumulate;
  const bool large = rows * columns * static_cast<index>(sizeof(T)) >= stream_bytes;

  parallel_for(chunks, threads, [&](index number, int thread) {
    T* scratch = workspace.scratch(thread, kernel_size + indirect * tile_rows * tile_stride);
    row_kernel<T, X> kernel(sum, plan, columns, scratch);
    scratch += kernel_size;
    std::array<T*, input_count> tile_in{}, tile_out{};
    for (std::size_t k = 0; k < input_count; ++k) {
      if (plan.used[k] && !in[static_cast<input>(k)].direct()) tile_in[k] = scratch, scratch += tile_rows * tile_stride;
      const row_output<T>& target = out[static_cast<input>(k)];
      if (target && !target.direct()) tile_out[k] = scratch, scratch += tile_rows * tile_stride;
    }
    const index stop = std::min(rows, (number + 1) * chunk);
    const index step = indirect > 0 ? tile_rows : stop - number * chunk;
    for (index first = number * chunk; first < stop; first += step) {
      const index count = std::min(step, stop - first);
      for (std::size_t k = 0; k < input_count; ++k)
        if (tile_in[k]) in[static_cast<input>(k)].produce(first, count, tile_in[k], tile_stride);
      for (index r = first; r < first + count; ++r) {
        row_memory<T> memory;
        row_store row_mode = accumulate ? row_store::accumulate : row_store::overwrite;
        for (std::size_t k = 0; k < input_count; ++k) {
          const row_input<T>& source = in[static_cast<input>(k)];
          const row_output<T>& target = out[static_cast<input>(k)];
          if (tile_in[k])
            memory.in[k] = tile_in[k] + (r - first) * tile_stride;
          else if (plan.used[k])
            memory.in[k] = source.memory().row(r);
          if (!tile_in[k] && plan.used[k] && r + 1 < rows) memory.next[k] = source.memory().row(r + 1);
          if (tile_out[k])
            memory.out[k] = tile_out[k] + (r - first) * tile_stride;
          else if (target)
            memory.out[k] = target.memory().row(r);
          if (tile_out[k]) row_mode = row_store::overwrite;
        }
        if (large && row_mode == row_store::overwrite && indirect == 0) row_mode = row_store::stream;
        visit(kernel, r, memory, row_mode);
      }
      for (std::size_t k = 0; k < input_count; ++k)
        if (tile_out[k]) out[static_cast<input>(k)].consume(first, count, tile_out[k], tile_stride, accumulate);
    }
    if (large) stream_fence();
  });
}

}  // namespace detail
DISTILL_NAMESPACE_END
