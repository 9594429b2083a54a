// An array that owns its memory.
#pragma once

#include <algorithm>

#include "../config.hpp"
#include "../core/buffer.hpp"
#include "tensor_view.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// A dense row-major array on a 64-byte boundary, zero at first. Moves, does not copy.
template <class T>
class tensor {
 public:
  tensor() = default;
  explicit tensor(const tensor_shape& shape) : memory_(shape.size()), shape_(shape) { fill(T(0)); }

  T* data() const { return memory_.data(); }
  const tensor_shape& shape() const { return shape_; }
  index size() const { return shape_.size(); }
  tensor_view<T> view() const { return {memory_.data(), shape_}; }
  void fill(T value) { std::fill_n(memory_.data(), size(), value); }

 private:
  buffer<T> memory_;
  tensor_shape shape_;
};

}  // namespace nn
DISTILL_NAMESPACE_END
