// A model as a list of layers.
#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "layer.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// Layers applied one after the other; itself a layer.
///
///     nn::sequential<float> student;
///     student.add(nn::linear<float>{784, 64, seed});
///     student.add(nn::relu<float>{});
///     student.add(nn::linear<float>{64, 10, seed + 1});
///
/// Layer i calls itself "layer i, …" in errors and its parameters "i.weight", "i.bias".
template <class T>
class sequential : public layer<T> {
 public:
  sequential() : layer<T>("sequential") {}

  /// Moves a layer to the end of the list. Returns it, so that its parameters can be reached.
  template <class Layer>
  requires std::is_base_of_v<layer<T>, Layer> Layer& add(Layer added) {
    auto owned = std::make_unique<Layer>(std::move(added));
    Layer& result = *owned;
    const std::string position = std::to_string(layers_.size());
    result.name = "layer " + position + ", " + result.name;
    for (parameter<T>* p : result.parameters()) {
      p->name = position + "." + p->name;
      parameters_.push_back(p);
    }
    layers_.push_back(std::move(owned));
    return result;
  }

  index size() const { return static_cast<index>(layers_.size()); }

  variable forward(tape<T>& t, variable input) const override { return forward(t, input, 0, size()); }
  /// Layers first … last − 1 only: two calls give access to what lies between (hints, two heads).
  variable forward(tape<T>& t, variable input, index first, index last) const {
    if (first < 0 || last > size() || first > last)
      fail("sequential::forward: layers ", first, " to ", last, " asked for, 0 to ", size(), " exist");
    for (index i = first; i < last; ++i) input = layers_[static_cast<std::size_t>(i)]->forward(t, input);
    return input;
  }

  /// Every parameter of every layer, in order, at addresses that stay: take the list once, before the training loop.
  std::vector<parameter<T>*> parameters() override { return parameters_; }

 private:
  std::vector<std::unique_ptr<layer<T>>> layers_;
  std::vector<parameter<T>*> parameters_;
};

}  // namespace nn
DISTILL_NAMESPACE_END
