// The one place that knows threads.
#pragma once

#include <algorithm>
#include <concepts>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "../config.hpp"
#include "matrix_view.hpp"

#if DISTILL_USE_OPENMP
#include <omp.h>
#endif

DISTILL_NAMESPACE_BEGIN

/// How many threads a call may use. One unless asked; 0 means every core of the machine. Results never depend on it.
struct execution {
  int threads = 1;

  int count() const {
    return threads > 0 ? threads : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  }
};

/// Calls task(chunk, thread) for every chunk in [0, chunks), each exactly once, from at most `threads` threads numbered
/// from 0. Which thread runs which chunk is not specified: a result that depends on the chunk alone is the same for
/// every thread count. OpenMP when the including target links it, std::thread otherwise. The first exception is
/// rethrown here once all threads have finished.
template <class Task>
void parallel_for(index chunks, int threads, const Task& task) {
  threads = static_cast<int>(std::min<index>(threads, chunks));
  if (threads <= 1) {
    for (index chunk = 0; chunk < chunks; ++chunk) task(chunk, 0);
    return;
  }
  std::exception_ptr first_error;
  std::mutex error_lock;
  const auto guarded = [&](index chunk, int thread) {
    try {
      task(chunk, thread);
    } catch (...) {
      const std::lock_guard hold(error_lock);
      if (!first_error) first_error = std::current_exception();
    }
  };
#if DISTILL_USE_OPENMP
#pragma omp parallel for num_threads(threads) schedule(static)
  for (index chunk = 0; chunk < chunks; ++chunk) guarded(chunk, omp_get_thread_num());
#else
  const auto share = [&](int thread) {
    for (index chunk = chunks * thread / threads; chunk < chunks * (thread + 1) / threads; ++chunk)
      guarded(chunk, thread);
  };
  std::vector<std::thread> others;
  others.reserve(static_cast<std::size_t>(threads - 1));
  int started = 1;
  try {
    for (; started < threads; ++started) others.emplace_back(share, started);
  } catch (const std::system_error&) {  // no more threads to be had: this one does the rest
  }
  share(0);
  for (int thread = started; thread < threads; ++thread) share(thread);
  for (std::thread& other : others) other.join();
#endif
  if (first_error) std::rethrow_exception(first_error);
}

namespace detail {

/// Rows are cut into this many at most, so that what a thread adds up never depends on how many there are.
inline constexpr index row_pieces = 32;

inline index count_row_pieces(index rows, index work) {
  return work < (index{1} << 15) ? 1 : std::min(rows, row_pieces);
}

/// Calls f(first, last) on pieces of [0, rows), in parallel where the work (a number of elements) is worth it; or
/// f(first, last, piece), where each of the pieces has scratch of its own.
template <class F>
void for_row_pieces(index rows, index work, const execution& how, const F& f) {
  const index pieces = count_row_pieces(rows, work);
  parallel_for(pieces, how.count(), [&](index piece, int) {
    const index first = rows * piece / pieces, last = rows * (piece + 1) / pieces;
    if constexpr (std::invocable<const F&, index, index, index>)
      f(first, last, piece);
    else
      f(first, last);
  });
}

/// Element-wise passes are cut into pieces of this many elements: enough work to be worth a thread, small enough for
/// L2.
inline constexpr index sweep_piece = 16384;

/// Calls f(first, count) on pieces of [0, size), by that many threads.
template <class F>
void for_sweep_pieces(index size, int threads, const F& f) {
  parallel_for((size + sweep_piece - 1) / sweep_piece, threads,
               [&](index i, int) { f(i * sweep_piece, std::min(sweep_piece, size - i * sweep_piece)); });
}
/// By one thread where it takes no longer than waking others.
template <class F>
void for_sweep_pieces(index size, const execution& how, const F& f) {
  for_sweep_pieces(size, size <= 7 * sweep_piece ? 1 : how.count(), f);
}

/// Calls f(first, count) on runs of columns of a rows × columns matrix, in parallel where it is worth it: few enough at
/// a time that their sums, in an array of column_run, stay in the first-level cache.
inline constexpr index column_run = 64;

template <class F>
void for_column_runs(index rows, index columns, const execution& how, const F& f) {
  const index runs = (columns + column_run - 1) / column_run;
  parallel_for(runs, rows * columns < (index{1} << 15) ? 1 : how.count(),
               [&](index run, int) { f(run * column_run, std::min(column_run, columns - run * column_run)); });
}

}  // namespace detail
DISTILL_NAMESPACE_END
