// Memory that ground costs reuse.
#pragma once

#include "../config.hpp"
#include "../core/buffer.hpp"

DISTILL_NAMESPACE_BEGIN

/// Keep one and pass it to every call: once it has served a shape, further calls allocate nothing. Holds a copy of y,
/// for the cosine also both sets of rows at length 1. Not to be shared by calls that run at the same time.
template <class T>
struct ground_cost_workspace {
  buffer<T> packed, units, factors;
  buffer<double> numbers;
};

DISTILL_NAMESPACE_END
