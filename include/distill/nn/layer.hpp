// What a layer is.
#pragma once

#include <string>
#include <vector>

#include "../config.hpp"
#include "parameter.hpp"
#include "tape.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// A function of one variable with parameters of its own. Layers own their parameters and must outlive the steps that
/// use them; forward records on the tape and changes nothing in the layer.
template <class T>
class layer {
 public:
  explicit layer(std::string name_) : name(std::move(name_)) {}
  layer(layer&&) = default;
  layer& operator=(layer&&) = default;
  virtual ~layer() = default;

  /// @throws argument_error  names the layer, the shape it got and the shape it takes
  virtual variable forward(tape<T>& t, variable input) const = 0;
  /// Pointers to the parameters, valid until the layer moves.
  virtual std::vector<parameter<T>*> parameters() { return {}; }

  /// Used in error messages: "linear(784, 64)".
  std::string name;

 protected:
  [[noreturn]] void fail_shape(const tensor_shape& got, const std::string& expected) const {
    fail(name, ": input is ", got.text(), ", ", expected, " expected");
  }
};

}  // namespace nn
DISTILL_NAMESPACE_END
