// Memory that calls on contrastive objectives reuse.
#pragma once

#include "../config.hpp"
#include "../core/buffer.hpp"
#include "../row/workspace.hpp"

DISTILL_NAMESPACE_BEGIN

namespace detail {

/// Rows at length 1, their lengths, the slopes on the way back; a second set where a row is anchor and key.
template <class T>
struct side_scratch {
  buffer<T> rows, norms, slopes, more_slopes;
};

template <class T>
struct contrast_scratch {
  side_scratch<T> side[4];
  buffer<T> similarities, second;  // a tile of each
  buffer<T> classes;               // numbers of classes, exact in T
  buffer<index> labels, inverse, chosen;
  buffer<unsigned char> taking_part;
  buffer<double> numbers;
  row_workspace<T> rows;
};

}  // namespace detail

/// Keep one and pass it to every call: once it has served a shape, further calls allocate nothing. Not to be shared by
/// calls that run at the same time.
template <class T>
class contrast_workspace {
 public:
  detail::contrast_scratch<T>& scratch() { return scratch_; }

 private:
  detail::contrast_scratch<T> scratch_;
};

DISTILL_NAMESPACE_END
