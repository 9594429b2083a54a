// Memory that calls on the transport solver reuse.
#pragma once

#include <deque>

#include "../config.hpp"
#include "../core/buffer.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {
/// Rows that share column sums: what one thread works on at a time, and so what results are summed by.
inline constexpr index transport_chunk = 64;
/// Rows whose exponentials lie in the first-level cache together.
inline constexpr index transport_rows = 4;
}  // namespace detail

/// Keep one and pass it to every call: once it has served a shape and options, further calls allocate nothing. Holds
/// about a twentieth of a large cost matrix; all of it once for the scaling form, for the implicit gradient and for
/// costs or their gradient with gaps between columns; (n + m) doubles an iteration for the unrolled gradient. Not to be
/// shared by calls that run at the same time.
template <class T>
class transport_workspace {
 public:
  void reserve_threads(int threads) {
    while (static_cast<int>(exponentials.size()) < threads) exponentials.emplace_back();
  }

  buffer<double> potentials, scratch, history, system;
  buffer<T> costs, kernel, columns, lines;
  std::deque<buffer<T>> exponentials;
};

DISTILL_NAMESPACE_END
