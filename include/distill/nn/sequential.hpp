// A model as a list of layers.
#pragma once

#include <string>
#include <type_traits>
#include <utility>

#include "../config.hpp"
#include "container.hpp"

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
class sequential : public container<T> {
 public:
  sequential() : container<T>("sequential") {}

  /// Moves a layer to the end of the list. Returns it, so that its parameters can be reached.
  template <class Layer>
  requires std::is_base_of_v<layer<T>, Layer> Layer& add(Layer added) {
    return this->adopt(std::to_string(size()), std::move(added));
  }

  index size() const { return this->children(); }

  variable forward(tape<T>& t, variable input) const override { return forward(t, input, 0, size()); }
  /// Layers first … last − 1 only: two calls give access to what lies between (hints, two heads).
  variable forward(tape<T>& t, variable input, index first, index last) const {
    if (first < 0 || last > size() || first > last)
      fail("sequential::forward: layers ", first, " to ", last, " asked for, 0 to ", size(), " exist");
    for (index i = first; i < last; ++i) input = this->child(i).forward(t, input);
    return input;
  }
};

}  // namespace nn
DISTILL_NAMESPACE_END
