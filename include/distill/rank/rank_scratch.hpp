// Memory for ranking one row at a time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../config.hpp"
#include "../core/buffer.hpp"
#include "../core/matrix_view.hpp"
#include "../core/radix_sort.hpp"

DISTILL_NAMESPACE_BEGIN

namespace detail {

/// A run of a row in descending order that isotonic regression has made one. What `level` is depends on the distance
/// that is minimised.
struct rank_block {
  double level;
  std::int32_t begin, count;
};

}  // namespace detail

/// Scratch for a row of n numbers, in memory of the caller's: bytes(n) of it on a cache line, for one thread at a time.
template <class T>
struct rank_scratch {
  ranked<T>*sorted = nullptr, *spare = nullptr;
  detail::rank_block* blocks = nullptr;

  rank_scratch(void* memory, index n)
      : sorted(static_cast<ranked<T>*>(memory)),
        spare(at<ranked<T>>(memory, run<ranked<T>>(n))),
        blocks(at<detail::rank_block>(memory, 2 * run<ranked<T>>(n))) {}
  static constexpr index bytes(index n) { return 2 * run<ranked<T>>(n) + run<detail::rank_block>(n); }

 private:
  template <class Entry>
  static constexpr index run(index n) {
    constexpr index line = static_cast<index>(cache_line);
    return (n * static_cast<index>(sizeof(Entry)) + line - 1) / line * line;
  }
  template <class Entry>
  static Entry* at(void* memory, index offset) {
    return reinterpret_cast<Entry*>(static_cast<std::byte*>(memory) + offset);
  }
};

DISTILL_NAMESPACE_END
