// What an optimiser changes.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "tensor.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// A named array and the gradient of the loss with respect to it. Gradients add up over backward passes until
/// zero_gradient(). A parameter that is not trainable gets no gradient and is left alone by the optimisers.
template <class T>
class parameter {
 public:
  parameter(std::string name_, const tensor_shape& shape) : name(std::move(name_)), value_(shape), gradient_(shape) {}

  const tensor_shape& shape() const { return value_.shape(); }
  index size() const { return value_.size(); }
  tensor_view<T> value() const { return value_.view(); }
  tensor_view<T> gradient() const { return gradient_.view(); }
  void zero_gradient() { gradient_.fill(T(0)); }

  std::string name;
  bool trainable = true;

 private:
  tensor<T> value_;
  tensor<T> gradient_;
};

/// What a layer sees of a parameter in one step: its elements, and where their gradient is added; null if it is not
/// wanted.
template <class T>
struct parameter_view {
  const T* value = nullptr;
  T* gradient = nullptr;
};

namespace detail {
inline void require_elements(const char* where, const char* what, index elements, index size) {
  if (elements != size) fail(where, ": ", what, " has ", elements, " elements, the parameters have ", size);
}
}  // namespace detail

/// The number of elements of all of them together.
template <class T>
index count_elements(std::span<parameter<T>* const> parameters) {
  index sum = 0;
  for (const parameter<T>* p : parameters) sum += p->size();
  return sum;
}

template <class T>
index count_elements(const std::vector<parameter<T>*>& parameters) {
  return count_elements(std::span<parameter<T>* const>(parameters));
}

/// Begins a new step: every gradient is zero again.
template <class T>
void zero_gradients(const std::vector<parameter<T>*>& parameters) {
  for (parameter<T>* p : parameters) p->zero_gradient();
}

}  // namespace nn
DISTILL_NAMESPACE_END
