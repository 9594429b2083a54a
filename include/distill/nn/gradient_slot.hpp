// How a backward function hands a gradient on.
#pragma once

#include "../config.hpp"
#include "tensor_view.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// Where a backward function puts the gradient of one of its inputs. Empty when that input needs none. The memory is
/// uninitialised unless `accumulate`: the first writer writes, the others add.
template <class T>
struct gradient_slot {
  tensor_view<T> view;
  bool accumulate = false;
  explicit operator bool() const { return view.data != nullptr; }
};

}  // namespace nn
DISTILL_NAMESPACE_END
