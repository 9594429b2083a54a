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
/// The most rows that are computed together.
inline constexpr index longest_visit = 16;
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

/// The tiles of one thread: of the inputs and outputs that are not read and written in place.
template <class T>
class tile_scratch {
  struct tile {
    index height = 0;  // 0: none
    index offset = 0;  // in the scratch
  };

 public:
  /// `visited` rows are computed together: a tile holds a multiple of them.
  tile_scratch(const batch<T>& in, const gradients<T>& out, const std::array<bool, input_count>& used, index visited)
      : stride_(scratch_stride<T>(in.student.columns())), tallest_(visited) {
    for (std::size_t k = 0; k < input_count; ++k) {
      const row_input<T>& source = in[static_cast<input>(k)];
      const row_output<T>& target = out[static_cast<input>(k)];
      if (used[k] && !source.direct()) in_[k] = place(source.height(), visited);
      if (!target || target.direct()) continue;
      const index height = padded(std::max<index>(target.height(), 1), visited);
      // Of equal height they come and go together, and a gradient may replace its logits.
      out_[k] = height == in_[k].height ? in_[k] : place(height, visited);
    }
  }
  index size() const { return size_; }
  index stride() const { return stride_; }
  bool has_out(std::size_t k) const { return out_[k].height > 0; }
  index tallest() const { return tallest_; }

  /// Reads what row `first` of the batch is the first of its tile for; `begin` and `stop` are the chunk's.
  void produce(const batch<T>& in, index first, index begin, index stop, T* scratch) const {
    for (std::size_t k = 0; k < input_count; ++k)
      if (in_[k].height > 0 && (first - begin) % in_[k].height == 0)
        in[static_cast<input>(k)].produce(first, std::min(in_[k].height, stop - first), scratch + in_[k].offset,
                                          stride_);
  }
  /// Writes the tiles that are full, or at their end, once the rows before `next` were computed.
  void consume(const gradients<T>& out, index next, index begin, index stop, const T* scratch,
               const std::array<row_store, input_count>& how) const {
    for (std::size_t k = 0; k < input_count; ++k) {
      const index height = out_[k].height;
      if (height == 0 || ((next - begin) % height != 0 && next != stop)) continue;
      const index first = begin + (next - 1 - begin) / height * height;
      out[static_cast<input>(k)].consume(first, next - first, scratch + out_[k].offset, stride_, how[k]);
    }
  }
  /// Where the row lies that is number `row` of its chunk; null where it is read or written in place.
  T* in(std::size_t k, index row, T* scratch) const { return at(in_[k], row, scratch); }
  T* out(std::size_t k, index row, T* scratch) const { return at(out_[k], row, scratch); }

 private:
  tile place(index height, index visited) {
    const tile result{padded(std::max<index>(height, 1), visited), size_};
    size_ += result.height * stride_;
    tallest_ = std::max(tallest_, result.height);
    return result;
  }
  T* at(const tile& t, index row, T* scratch) const {
    return t.height > 0 ? scratch + t.offset + row % t.height * stride_ : nullptr;
  }

  index stride_, tallest_, size_ = 0;
  std::array<tile, input_count> in_{}, out_{};
};

/// How each gradient is stored where the kernel, or its tile, writes it.
template <class T>
std::array<row_store, input_count> stores_of(const gradients<T>& out, store_mode mode) {
  std::array<row_store, input_count> result;
  for (std::size_t k = 0; k < input_count; ++k)
    result[k] = mode == store_mode::accumulate                                  ? row_store::accumulate
                : out[static_cast<input>(k)].contiguous_bytes() >= stream_bytes ? row_store::stream
                                                                                : row_store::overwrite;
  return result;
}

/// Calls visit(kernels, group) until every row was visited once, in chunks that do not depend on the thread count.
template <row_objective X, class T, class Visit>
void for_each_row(const sum_of<X>& sum, const row_plan<X>& plan, const batch<T>& in, const gradients<T>& out,
                  store_mode store, const execution& how, row_workspace<T>& workspace, const Visit& visit) {
  const index rows = in.student.rows(), columns = in.student.columns();
  const bool is_short = short_kernel<T, X>::fits(sum, plan, columns);
  const index visited = is_short ? lanes_of<T> : 1;
  const tile_scratch<T> tiles(in, out, plan.used, visited);
  const index together = std::max(tiles.tallest(), columns > longest_short_row ? 1 : longest_visit);
  const index chunk = padded(std::max<index>(1, elements_per_chunk / columns), together);
  const index chunks = (rows + chunk - 1) / chunk;
  const int threads = std::max(1, static_cast<int>(std::min<index>(how.count(), chunks)));
  workspace.reserve_threads(threads);
  const index row_size = row_kernel<T, X>::scratch_size(plan, columns);
  const index short_size = is_short ? short_kernel<T, X>::scratch_size(plan, columns) : 0;
  const std::array<row_store, input_count> stores = stores_of(out, store);
  for (std::size_t k = 0; k < input_count; ++k) out[static_cast<input>(k)].begin(stores[k]);

  parallel_for(chunks, threads, [&](index number, int thread) {
    T* const scratch = workspace.scratch(thread, row_size + short_size + tiles.size());
    T* const tile = scratch + row_size + short_size;
    std::optional<short_kernel<T, X>> several;
    if (is_short) several.emplace(sum, plan, columns, scratch + row_size);
    row_kernels<T, X> kernels{row_kernel<T, X>(sum, plan, columns, scratch), several ? &*several : nullptr};
    const index begin = number * chunk, stop = std::min(rows, begin + chunk);
    std::array<row_memory<T>, static_cast<std::size_t>(lanes_of<T>)> memory;
    for (row_memory<T>& row : memory)
      for (std::size_t k = 0; k < input_count; ++k)  // a tile is written afresh; it accumulates where it goes
        row.how[k] = tiles.has_out(k) ? row_store::overwrite : stores[k];
    for (index first = begin; first < stop; first += visited) {
      const index count = std::min(visited, stop - first);
      tiles.produce(in, first, begin, stop, tile);
      for (std::size_t k = 0; k < input_count; ++k) {
        const row_input<T>& source = in[static_cast<input>(k)];
        const row_output<T>& target = out[static_cast<input>(k)];
        const auto read = [&](index i, const T* row) { memory[static_cast<std::size_t>(i)].in[k] = row; };
        const auto write = [&](index i, T* row) { memory[static_cast<std::size_t>(i)].out[k] = row; };
        if (T* const made = tiles.in(k, first - begin, tile))
          for (index i = 0; i < count; ++i) read(i, made + i * tiles.stride());
        else if (plan.used[k])
          source.each_row(first, count, read);
        if (T* const kept = tiles.out(k, first - begin, tile))
          for (index i = 0; i < count; ++i) write(i, kept + i * tiles.stride());
        else if (target)
          target.each_row(first, count, write);
        if (visited == 1 && plan.used[k]) memory[0].next[k] = first + 1 < rows ? source.upcoming(first + 1) : nullptr;
      }
      visit(kernels, row_group<T>{first, {memory.data(), static_cast<std::size_t>(count)}});
      tiles.consume(out, first + count, begin, stop, tile, stores);
    }
    if (std::find(stores.begin(), stores.end(), row_store::stream) != stores.end()) stream_fence();
  });
}

}  // namespace detail
DISTILL_NAMESPACE_END
