// Memory that calls reuse.
#pragma once

#include <vector>

#include "../config.hpp"
#include "../core/buffer.hpp"
#include "../core/dual.hpp"

DISTILL_NAMESPACE_BEGIN

/// Scratch of the row engine: per thread a few rows (it stays in the cache), per row of the batch the value of each
/// term. Keep one and pass it to every call: once it has served a shape, further calls allocate nothing. Not to be
/// shared by calls that run at the same time.
template <class T>
class row_workspace {
 public:
  T* scratch(int thread, index size) { return scratch_[static_cast<std::size_t>(thread)].reserve(size); }
  wide<T>* values(index size) { return values_.reserve(size); }
  /// One flag a class, for looking for classes that are listed twice.
  std::vector<bool>& marks() { return marks_; }
  void reserve_threads(int threads) {
    if (scratch_.size() < static_cast<std::size_t>(threads)) scratch_.resize(static_cast<std::size_t>(threads));
  }

 private:
  std::vector<buffer<T>> scratch_;
  buffer<wide<T>> values_;
  std::vector<bool> marks_;
};

DISTILL_NAMESPACE_END
