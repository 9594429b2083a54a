// Samples as rows of features.
#pragma once

#include "../config.hpp"
#include "layer.hpp"
#include "reshape.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// batch × … becomes batch × features. `linear` needs no flatten before it.
template <class T>
class flatten : public layer<T> {
 public:
  flatten() : layer<T>("flatten") {}

  /// @throws argument_error  an input without extents
  variable forward(tape<T>& t, variable input) const override {
    const tensor_shape shape = t.shape(input);
    if (shape.rank() == 0) this->fail_shape(shape, "batch×…");
    return reshape(t, input, {shape[0], shape.features()});
  }
};

}  // namespace nn
DISTILL_NAMESPACE_END
