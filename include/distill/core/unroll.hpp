// Loops that leave no loop behind.
#pragma once

#include <type_traits>
#include <utility>

#include "../config.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// f(0), …, f(Count − 1), the arguments as constants: arrays of batches that are indexed by them alone live in
/// registers, whatever the compiler thinks of unrolling.
template <int Count, class F>
DISTILL_INLINE void unroll(const F& f) {
  [&]<int... I>(std::integer_sequence<int, I...>) DISTILL_LAMBDA_INLINE { (f(std::integral_constant<int, I>()), ...); }
  (std::make_integer_sequence<int, Count>());
}

}  // namespace detail
DISTILL_NAMESPACE_END
