// What every layer is.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "parameter.hpp"
#include "tape.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// A function of one variable with parameters of its own. Layers own their parameters and must outlive the steps that
/// use them; forward records on the tape and changes nothing in the layer but its buffers.
template <class T>
class layer {
 public:
  explicit layer(std::string name_) : name(std::move(name_)) {}
  layer(layer&&) = default;
  layer& operator=(layer&&) = default;
  virtual ~layer() = default;

  /// @throws argument_error  names the layer, the shape it got and the shape it takes
  virtual variable forward(tape<T>& t, variable input) const = 0;
  /// What is learned. The pointers are valid until the layer moves.
  virtual std::vector<parameter<T>*> parameters() { return {}; }
  /// What is not learned but belongs to the layer and is saved with it: running statistics.
  virtual std::vector<parameter<T>*> buffers() { return {}; }

  /// Says where in a network the layer lies, "2" or "stem.0": in errors, and before the names of its parameters.
  virtual void place_at(const std::string& place) {
    for (parameter<T>* p : parameters()) p->name = place + "." + p->name;
    for (parameter<T>* p : buffers()) p->name = place + "." + p->name;
    name_place(place);
  }

  /// Used in error messages: "layer 2, linear(784, 64)".
  std::string name;

 protected:
  [[noreturn]] void fail_shape(const tensor_shape& got, const std::string& expected) const {
    fail(name, ": input is ", got.text(), ", ", expected, " expected");
  }
  /// The part of place_at() that concerns errors.
  virtual void name_place(const std::string& place) {
    const std::string inner = name.rfind("layer ", 0) == 0 ? std::string(".") + name.substr(6) : ", " + name;
    name = "layer " + place + inner;
  }

  template <class>
  friend class container;
};

}  // namespace nn
DISTILL_NAMESPACE_END
