// Memory of one training step: taken piece by piece, given back all at once, kept for the next step.
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <vector>

#include "../config.hpp"
#include "../core/buffer.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// A bump allocator. The same sequence of requests after reset() finds the same memory: it allocates only the first
/// time. Not thread-safe: parallel code takes its memory before it forks.
class arena {
 public:
  /// A position to return to: what was taken after mark() is free again after rewind().
  struct position {
    std::size_t block = 0;
    index used = 0;
  };

  /// `count` uninitialised elements on a 64-byte boundary, valid until reset() or a rewind() to before this call.
  template <class T>
  requires std::is_trivially_copyable_v<T> T* take(index count) {
    const index line = static_cast<index>(cache_line);
    const index bytes = std::max<index>(1, (count * static_cast<index>(sizeof(T)) + line - 1) / line) * line;
    while (here_.block < blocks_.size() && here_.used + bytes > blocks_[here_.block].capacity()) {
      ++here_.block;
      here_.used = 0;
    }
    if (here_.block == blocks_.size()) blocks_.emplace_back(std::max(bytes, smallest_block));
    std::byte* memory = blocks_[here_.block].data() + here_.used;
    here_.used += bytes;
    return reinterpret_cast<T*>(memory);
  }

  position mark() const { return here_; }
  void rewind(position earlier) { here_ = earlier; }
  void reset() { here_ = {}; }

  /// Bytes held, used or not.
  index capacity() const {
    index sum = 0;
    for (const buffer<std::byte>& block : blocks_) sum += block.capacity();
    return sum;
  }

 private:
  static constexpr index smallest_block = index{1} << 20;
  std::vector<buffer<std::byte>> blocks_;
  position here_;
};

}  // namespace nn
DISTILL_NAMESPACE_END
