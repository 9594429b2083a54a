// Choices one after the other.
#pragma once

#include <cstdint>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"
#include "../core/random.hpp"

DISTILL_NAMESPACE_BEGIN

/// The numbers 0, 1, 2, … of a random_stream, each drawn once: what a search is led by. The same seed, the same
/// choices, on every platform.
class random_choices {
 public:
  explicit random_choices(std::uint64_t seed, std::uint64_t stream = 0) : random_(seed, stream) {}

  /// Uniform on {0, …, count − 1}. @throws argument_error  count below 1
  index below(index count) {
    if (count < 1) fail("random_choices::below: count is ", count, ", at least 1 expected");
    return static_cast<index>(random_.below(static_cast<std::uint64_t>(count), drawn_++));
  }
  /// Uniform on {0, …, count − 1} without `taken`. @throws argument_error  count below 2
  index other(index taken, index count) {
    if (count < 2) fail("random_choices::other: count is ", count, ", at least 2 expected");
    const index drawn = below(count - 1);
    return drawn < taken ? drawn : drawn + 1;
  }
  /// One of the values. @throws argument_error  there are none
  template <class Value>
  const Value& of(const std::vector<Value>& values) {
    return values[static_cast<std::size_t>(below(std::ssize(values)))];
  }
  std::uint64_t drawn() const { return drawn_; }

 private:
  random_stream random_;
  std::uint64_t drawn_ = 0;
};

DISTILL_NAMESPACE_END
