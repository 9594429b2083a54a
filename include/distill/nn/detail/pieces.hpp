// How passes over whole tensors are cut up, and the passes that every second layer needs.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "../../config.hpp"
#include "../../core/parallel.hpp"
#include "../../core/sweep.hpp"
#include "../../core/transpose.hpp"
#include "../tape.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn::detail {

/// Calls piece(first, count) for runs of [0, size); `cost` is that of an element in additions.
template <class T, class Piece>
void for_pieces(const tape<T>& t, index size, index cost, const Piece& piece) {
  distill::detail::for_sweep_pieces(size, t.threads(size * cost), piece);
}

/// to = f(batch of each array), or to += that, for all of [0, size).
template <class T, class F, class... From>
DISTILL_INLINE void write_or_add(index size, bool add, const F& f, T* to, const From*... from) {
  if (add)
    distill::detail::sweep<T>(
        size, [&](simd<T>& out, const auto&... v) DISTILL_LAMBDA_INLINE { out += f(v...); }, to, from...);
  else
    distill::detail::sweep<T>(
        size, [&](simd<T>& out, const auto&... v) DISTILL_LAMBDA_INLINE { out = f(v...); }, to, from...);
}

/// to = from, or to += from
template <class T>
DISTILL_INLINE void copy_or_add(const T* from, index size, T* to, bool add) {
  if (add)
    distill::detail::add_to(to, from, size);
  else
    std::copy_n(from, size, to);
}

/// to = the transpose of from, which is rows × columns, or to += that
template <class T>
void transpose_or_add(const T* from, index rows, index columns, T* to, bool add) {
  if (!add) return distill::detail::transpose(from, columns, rows, columns, to, rows);
  for (index r = 0; r < rows; ++r)
    for (index c = 0; c < columns; ++c) to[c * rows + r] += from[r * columns + c];
}

/// The gradient of input `which` gets that of the result: the two have the same elements.
template <class T>
void pass_gradient(tape<T>& t, variable self, std::size_t which = 0) {
  const gradient_slot<T> slot = t.claim_gradient(t.input(self, which));
  if (!slot) return;
  const T* dy = t.gradient(self).data;
  for_pieces(t, slot.view.size(), 1,
             [&](index from, index size) { copy_or_add(dy + from, size, slot.view.data + from, slot.accumulate); });
}

/// What lies before and behind one extent of a tensor.
struct axis_view {
  index outer = 1, extent = 1, inner = 1;

  axis_view(const tensor_shape& shape, int axis) : extent(shape[axis]) {
    for (int i = 0; i < axis; ++i) outer *= shape[i];
    for (int i = axis + 1; i < shape.rank(); ++i) inner *= shape[i];
  }
};

/// `shape` with another extent at one place.
inline tensor_shape with_extent(const tensor_shape& shape, int axis, index extent) {
  index e[tensor_shape::largest_rank] = {};
  for (int i = 0; i < shape.rank(); ++i) e[i] = i == axis ? extent : shape[i];
  return tensor_shape(std::span(e).first(static_cast<std::size_t>(shape.rank())));
}

}  // namespace nn::detail
DISTILL_NAMESPACE_END
