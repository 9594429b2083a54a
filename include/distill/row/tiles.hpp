// Visits the rows of a batch, tile by tile and thread by thread.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "../config.hpp"
#include "../core/parallel.hpp"
#include "batch.hpp"
#include "kernel.hpp"
#include "short_kernel.hpp"
#include "workspace.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// A thread is worth waking for this many elements.
inline constexpr index elements_per_chunk = 8192;
/// Rows of a produced tile: a cache line of a column-major matrix serves all of them.
inline constexpr index tile_rows = 16;
/// Gradients larger than this leave past the caches: nobody will find them there.
inline constexpr index stream_bytes = index(16) << 20;

/// What a thread works with.
template <class T, row_objective X>
struct row_kernels {
  row_kernel<T, X> row;
  short_kernel<T, X>* several;  // null when the rows are too long or too special for it
};

/// A run of rows and where each of them lies.
template <class T>
struct row_group {
  index first = 0;
  std::span<const row_memory<T>> memory;
};

/// Scratch of one thread: its kernels' and the tiles of inputs and outputs that are not read and written in place.
template <class T>
class tile_scratch {
 public:
  tile_scratch(const batch<T>& in, const gradients<T>& out, const std::array<bool, input_count>& used)
      : stride_(padded(in.student.columns(), static_cast<index>(cache_line / sizeof(T)))) {
    for (std::size_t k = 0; k < input_count; ++k) {
      produced_[k] = used[k] && !in[static_cast<input>(k)].direct();
      consumed_[k] = out[static_cast<input>(k)] && !out[static_cast<input>(k)].direct();
      tiles_ += produced_[k] + consumed_[k];
    }
  }
  bool any() const { return tiles_ > 0; }
  index size() const { return tiles_ * tile_rows * stride_; }
  index stride() const { return stride_; }

  /// Lays the tiles out from `memory` on; null pointers for what is read and written in place.
  struct pointers {
    std::array<T*, input_count> in{}, out{};
  };
  pointers place(T* memory) const {
    pointers result;
    for (std::size_t k = 0; k < input_count; ++k) {
      if (produced_[k]) result.in[k] = memory, memory += tile_rows * stride_;
      if (consumed_[k]) result.out[k] = memory, memory += tile_rows * stride_;
    }
    return result;
  }

 private:
  index stride_;
  std::array<bool, input_count> produced_{}, consumed_{};
  index tiles_ = 0;
};

/// Calls visit(kernels, group) until every row was visited once, in chunks that do not depend on the thread count.
template <row_objective X, class T, class Visit>
void for_each_row(const sum_of<X>& sum, const row_plan<X>& plan, const batch<T>& in, const gradients<T>& out,
                  store_mode store, const execution& how, row_workspace<T>& workspace, const Visit& visit) {
  const index rows = in.student.rows(), columns = in.student.columns();
  const tile_scratch<T> tiles(in, out, plan.used);
  index chunk = padded(std::max<index>(1, elements_per_chunk / columns), columns > longest_short_row ? 1 : tile_rows);
  if (tiles.any()) chunk = padded(chunk, tile_rows);
  const index chunks = (rows + chunk - 1) / chunk;
  const int threads = std::max(1, static_cast<int>(std::min<index>(how.count(), chunks)));
  workspace.reserve_threads(threads);
  const bool is_short = short_kernel<T, X>::fits(sum, plan, columns);
  const index row_size = row_kernel<T, X>::scratch_size(plan, columns);
  const index short_size = is_short ? short_kernel<T, X>::scratch_size(plan, columns) : 0;
  const bool accumulate = store == store_mode::accumulate;
  const bool stream = !accumulate && !tiles.any() && rows * columns * static_cast<index>(sizeof(T)) >= stream_bytes;
  const row_store direct_store = stream ? row_store::stream : accumulate ? row_store::accumulate : row_store::overwrite;
  static_assert(lanes_of<T> <= tile_rows);

  parallel_for(chunks, threads, [&](index number, int thread) {
    T* scratch = workspace.scratch(thread, row_size + short_size + tiles.size());
    const auto tile = tiles.place(scratch + row_size + short_size);
    std::optional<short_kernel<T, X>> several;
    if (is_short) several.emplace(sum, plan, columns, scratch + row_size);
    row_kernels<T, X> kernels{row_kernel<T, X>(sum, plan, columns, scratch), several ? &*several : nullptr};
    const index step = is_short ? lanes_of<T> : tiles.any() ? tile_rows : 1;
    const index stop = std::min(rows, (number + 1) * chunk);
    for (index first = number * chunk; first < stop; first += step) {
      const index count = std::min(step, stop - first);
      std::array<row_memory<T>, static_cast<std::size_t>(tile_rows)> memory;
      for (std::size_t k = 0; k < input_count; ++k) {
        const row_input<T>& source = in[static_cast<input>(k)];
        const row_output<T>& target = out[static_cast<input>(k)];
        if (tile.in[k]) source.produce(first, count, tile.in[k], tiles.stride());
        for (index i = 0; i < count; ++i) {
          row_memory<T>& row = memory[static_cast<std::size_t>(i)];
          const index r = first + i;
          if (plan.used[k]) row.in[k] = tile.in[k] ? tile.in[k] + i * tiles.stride() : source.memory().row(r);
          if (plan.used[k] && !tile.in[k] && r + 1 < rows) row.next[k] = source.memory().row(r + 1);
          if (target) row.out[k] = tile.out[k] ? tile.out[k] + i * tiles.stride() : target.memory().row(r);
          // A tile is always written afresh; it accumulates where it goes.
          row.how[k] = tile.out[k] ? row_store::overwrite : direct_store;
        }
      }
      visit(kernels, row_group<T>{first, {memory.data(), static_cast<std::size_t>(count)}});
      for (std::size_t k = 0; k < input_count; ++k)
        if (tile.out[k]) out[static_cast<input>(k)].consume(first, count, tile.out[k], tiles.stride(), accumulate);
    }
    if (stream) stream_fence();
  });
}

}  // namespace detail
DISTILL_NAMESPACE_END
