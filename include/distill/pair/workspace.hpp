// Memory that calls on pair objectives reuse.
#pragma once

#include <deque>
#include <utility>

#include "../config.hpp"
#include "../core/buffer.hpp"
#include "../row/workspace.hpp"
#include "../transport/ground_cost_workspace.hpp"
#include "../transport/report.hpp"
#include "../transport/workspace.hpp"

DISTILL_NAMESPACE_BEGIN

namespace detail {

/// What one thread needs for one transport problem at a time, and what became of those it has solved.
template <class T>
struct transport_scratch {
  ground_cost_workspace<T> ground;
  buffer<T> cost, slope;
  buffer<double> masses;
  transport_workspace<T> solver;
  transport_report report;
};

/// What one thread needs for one item at a time: for each side a copy of its features, what its stages make of them and
/// the slopes on the way back; the slopes that the comparison writes, and what it needs itself.
template <class T>
struct pair_scratch {
  buffer<T> features[2], stages[2], slopes[2], compared[2];
  buffer<double> numbers;
  row_workspace<T> rows;
  std::deque<transport_scratch<T>> transport;

  void reserve_transport(int threads) {
    while (std::ssize(transport) < threads) transport.emplace_back();
  }
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
  /// What became of the transport problems since this was asked last.
  transport_report take_report() {
    transport_report all;
    for (detail::pair_scratch<T>& scratch : scratch_)
      for (detail::transport_scratch<T>& one : scratch.transport) all.add(std::exchange(one.report, {}));
    return all;
  }

 private:
  std::deque<detail::pair_scratch<T>> scratch_;
  buffer<double> values_;
};

DISTILL_NAMESPACE_END
