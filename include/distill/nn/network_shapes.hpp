// What comes out of a network, before it is used.
#pragma once

#include <vector>

#include "../config.hpp"
#include "network.hpp"
#include "tape.hpp"
#include "tensor.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// The shapes of a network's taps and logits for one shape of its input, from one run on zeros as in use: nothing is
/// learned, no running statistics move. For what has to be built to fit: projectors, exits.
struct network_shapes {
  std::vector<tensor_shape> taps;
  tensor_shape logits;

  /// `input` with its batch, 1×1×28×28 say; the extent of the batch is that of the results.
  /// @throws argument_error  what the layers throw
  template <class T>
  network_shapes(const network<T>& of, const tensor_shape& input) {
    const tensor<T> zeros(input);
    tape<T> t;
    t.evaluate();
    const auto pause = t.no_gradients();
    const auto out = of.run(t, t.constant(zeros.view()));
    for (index k = 0; k < out.tap_count; ++k) taps.push_back(t.shape(out.taps[static_cast<std::size_t>(k)]));
    logits = t.shape(out.logits);
  }

  /// Of the tap behind the last stage. @throws argument_error  a network without stages
  const tensor_shape& last() const {
    if (taps.empty()) fail("network: it has ", 0, " stages, at least 1 expected for a feature");
    return taps.back();
  }
};

}  // namespace nn
DISTILL_NAMESPACE_END
