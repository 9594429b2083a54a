// A network that follows another one.
#pragma once

#include <istream>
#include <ostream>
#include <span>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/parallel.hpp"
#include "../core/sweep.hpp"
#include "detail/state_file.hpp"

DISTILL_NAMESPACE_BEGIN

/// Exponential moving average of parameters: θ ← m θ + (1 − m) θ_new. One for every array of a network, or one for all
/// of them at their own places.
///   moving_average<float> teacher(student_parameters);
///   teacher.update(student_parameters, momentum_schedule{.steps = 10000}(step));
/// m = 1 leaves it, m = 0 copies. A value: a copy is a snapshot.
/// Source: Tarvainen and Valpola 2017 (mean teacher), arXiv 1703.01780.
template <class T>
class moving_average {
 public:
  moving_average() = default;
  explicit moving_average(std::span<const T> start) : values_(start.begin(), start.end()) {}

  index size() const { return std::ssize(values_); }
  std::span<const T> values() const { return values_; }
  /// The `count` numbers from `first` on: one array of a network.
  /// @throws argument_error  beyond the end
  std::span<const T> values(index first, index count) const {
    check(first, count);
    return std::span<const T>(values_).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
  }

  /// @throws argument_error  before anything moves: another size, momentum outside [0, 1]
  void update(std::span<const T> fresh, double momentum, const execution& how = {}) {
    if (std::ssize(fresh) != size())
      fail("moving_average: ", std::ssize(fresh), " numbers given, the average has ", size());
    update(0, fresh, momentum, how);
  }
  /// The part that begins at `first`.
  void update(index first, std::span<const T> fresh, double momentum, const execution& how = {}) {
    if (!(momentum >= 0 && momentum <= 1)) fail("moving_average: momentum is ", momentum, ", must lie in [0, 1]");
    const index total = std::ssize(fresh);
    check(first, total);
    T* const own = values_.data() + first;
    detail::for_sweep_pieces(total, how, [&](index from, index count) {
      detail::sweep<T>(
          count,
          [m = simd<T>(static_cast<T>(momentum)), rest = simd<T>(static_cast<T>(1 - momentum))](
              simd<T>& a, const simd<T>& b) DISTILL_LAMBDA_INLINE { a = lane<simd<T>>::fma(m, a, rest * b); },
          own + from, fresh.data() + from);
    });
  }

  /// The number of numbers, then these. @throws file_error  the stream cannot be written
  void save(std::ostream& out) const {
    detail::state_writer file(out, "moving_average", sizeof(T));
    file.integer(size());
    file.numbers(values_);
    file.finish();
  }
  /// Becomes what was saved, whatever it was. @throws file_error  and stays what it was
  void load(std::istream& in) {
    detail::state_reader file(in, "moving_average", sizeof(T));
    values_ = file.template numbers<T>(file.integer("size", 0, detail::largest_extent), 1);
  }

 private:
  void check(index first, index count) const {
    if (first < 0 || count < 0 || first > size() - count)
      fail("moving_average: ", count, " numbers from ", first, " on, the average has ", size());
  }
  std::vector<T> values_;
};

DISTILL_NAMESPACE_END
