// Memory that calls on pair objectives reuse.
#pragma once

#include <deque>

#include "../config.hpp"
#include "../core/buffer.hpp"
#include "../row/workspace.hpp"

DISTILL_NAMESPACE_BEGIN

namespace detail {

/// What one thread needs for one item at a time: for each side a copy of its features, what its stages make of them and
/// the slopes on the way back; the slopes that the comparison writes.
template <class T>
struct pair_scratch {
  buffer<T> features[2], stages[2], slopes[2], compared[2];
  buffer<double> numbers;
  row_workspace<T> rows;
};

}  // namespace detail

/// Keep one and pass it to every call: once it has served a shape, further calls allocate nothing. Holds the
/// matrices that are compared, n² numbers a side for relations between n rows, for each thread that works on an item of
/// its own. Not to be shared by calls that run at the same time.
template <class T>
class pair_workspace {
 public:
  void reserve_threads(int threads) {
    while (std::ssize(scratch_) < threads) scratch_.emplace_back();
  }
  detail::pair_scratch<T>& scratch(int thread) { return scratch_[static_cast<std::size_t>(thread)]; }
  double* values(index size) { return values_.reserve(size); }

 private:
  std::deque<detail::pair_scratch<T>> scratch_;
  buffer<double> values_;
};

DISTILL_NAMESPACE_END
