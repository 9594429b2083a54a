// One step on the way from features to what is compared: a matrix becomes a matrix, and gradients find their way back.
#pragma once

#include <algorithm>
#include <concepts>

#include "../config.hpp"
#include "../core/matrix_view.hpp"
#include "../core/parallel.hpp"
#include "features.hpp"

DISTILL_NAMESPACE_BEGIN

/// A stage is an aggregate of parameters with
///   feature_shape out(feature_shape in) const        the shape it makes; throws argument_error if it cannot
///   index kept(feature_shape in) const               numbers it keeps from the way forward for the way back
///   void forward(in, out, kept, execution) const     matrices row-major: column strides are 1
///   void backward(in, out, kept, slope, to_in, execution) const
///                                                    to_in = slope · ∂out/∂in; may overwrite slope
/// and says what the engine needs to know to lay out memory:
///   pointwise     out has in's shape and may be written over it; to_in may be slope's memory
///   keeps_input   backward reads in
///   keeps_output  backward reads out
template <class S>
concept stage = requires(const S s, feature_shape shape, matrix_view<const float> in, matrix_view<float> out,
                         float* kept, execution how) {
  { s.out(shape) } -> std::same_as<feature_shape>;
  { s.kept(shape) } -> std::same_as<index>;
  { S::pointwise } -> std::convertible_to<bool>;
  { S::keeps_input } -> std::convertible_to<bool>;
  { S::keeps_output } -> std::convertible_to<bool>;
  s.forward(in, out, kept, how);
  s.backward(in, in, kept, out, out, how);
};

DISTILL_NAMESPACE_END
