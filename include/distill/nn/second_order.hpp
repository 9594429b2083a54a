// Second derivatives of a network's loss: the network once more, over dual numbers.
#pragma once

#include <algorithm>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../core/dual.hpp"
#include "../core/error.hpp"
#include "layer.hpp"
#include "parameter.hpp"
#include "tensor.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// to = x + ε v; v empty: x as a constant. @throws argument_error  sizes that differ
template <class T>
void lift(const tensor_view<const T>& x, const tensor_view<const std::type_identity_t<T>>& v,
          const tensor_view<dual<std::type_identity_t<T>>>& to) {
  if (to.size() != x.size()) fail("lift: to has ", to.size(), " elements, x has ", x.size());
  if (v && v.size() != x.size()) fail("lift: v has ", v.size(), " elements, x has ", x.size());
  for (index i = 0; i < x.size(); ++i) to.data[i] = dual<T>(x.data[i], v ? v.data[i] : T(0));
}
/// x + ε v in an array of its own.
template <class T>
tensor<dual<T>> lift(const tensor_view<const T>& x, const tensor_view<const std::type_identity_t<T>>& v = {}) {
  tensor<dual<T>> result(x.shape);
  lift(x, v, result.view());
  return result;
}
/// to = factor · the slopes of x, or with `add` to += that. @throws argument_error  sizes that differ
template <class T>
void copy_slopes(const tensor_view<const dual<T>>& x, std::span<std::type_identity_t<T>> to, T factor = 1,
                 bool add = false) {
  if (std::ssize(to) != x.size()) fail("copy_slopes: to has ", std::ssize(to), " elements, x has ", x.size());
  for (index i = 0; i < x.size(); ++i) {
    T& out = to[static_cast<std::size_t>(i)];
    out = factor * x.data[i].slope + (add ? out : T(0));
  }
}

/// A network and its twin over dual numbers: two objects of the same construction. On inputs with slopes, every value
/// of the twin carries its derivative along them, and so does every gradient that the tape finds:
///
///     slopes v given to   slopes read from the gradient of θ   … of the input x
///     θ                   H v = ∇²_θθ L v                      ∂/∂x ⟨∇_θ L, v⟩     (trajectory matching)
///     x                   ∂/∂θ ⟨∇_x L, v⟩                      ∇²_xx L v           (input gradients that are trained)
///
///     network<double> model(seed);
///     network<dual<double>> twin(seed);
///     nn::second_order second(model, twin);
///     second.at(v);                                     // the twin is the model at θ + ε v
///     criterion(tape, twin.forward(tape, tape.constant(x)), targets);   // tape<dual<double>>, x lifted
///     tape.backward();
///     second.product(h);                                // h = H v
///
/// One forward and one backward pass at two to three times a plain one's arithmetic; nothing is stored beyond it.
/// source: B. Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 6 (1994).
template <class T>
class second_order {
 public:
  /// @throws argument_error  where the twin's parameters or buffers are not those of the model
  second_order(layer<T>& model, layer<dual<T>>& twin)
      : parameters_(model.parameters(), twin.parameters(), "parameters"),
        buffers_(model.buffers(), twin.buffers(), "buffers"),
        size_(count_elements(parameters_.own)) {}

  /// The number of elements of θ, of v and of products: all parameters, one after the other.
  index size() const { return size_; }

  /// The twin becomes the model, at its parameters θ + ε v (v empty: without slopes), with its buffers and with what it
  /// holds frozen; the twin's gradients are 0. @throws argument_error  v of another size
  void at(std::span<const T> v = {}) { place(nullptr, v); }
  /// The same at other parameters θ: of an inner loop, or a trajectory's.
  void at(std::span<const T> theta, std::span<const T> v) {
    detail::require_elements("second_order::at", "theta", std::ssize(theta), size_);
    place(theta.data(), v);
  }

  /// The gradients that the twin has found, without slopes. @throws argument_error  `to` of another size
  void gradient(std::span<T> to) const {
    read(to, [](const dual<T>& g) { return g.value; });
  }
  /// Their slopes. @throws argument_error  `to` of another size
  void product(std::span<T> to) const {
    read(to, [](const dual<T>& g) { return g.slope; });
  }
  /// Adds factor · the slopes to the gradients of the model's trainable parameters: what the optimiser will see.
  void add_product(T factor = 1) const {
    for (std::size_t k = 0; k < parameters_.own.size(); ++k) {
      const tensor_view<T> g = parameters_.own[k]->gradient();
      if (parameters_.own[k]->trainable)
        copy_slopes(tensor_view<const dual<T>>(parameters_.twin[k]->gradient()),
                    std::span(g.data, static_cast<std::size_t>(g.size())), factor, true);
    }
  }

 private:
  /// Of the model and of its twin, one by one.
  struct pairs {
    std::vector<parameter<T>*> own;
    std::vector<parameter<dual<T>>*> twin;

    pairs(std::vector<parameter<T>*> own_, std::vector<parameter<dual<T>>*> twin_, const char* what)
        : own(std::move(own_)), twin(std::move(twin_)) {
      if (own.size() != twin.size())
        fail("second_order: the twin has ", twin.size(), " ", what, ", the model has ", own.size());
      for (std::size_t k = 0; k < own.size(); ++k)
        if (own[k]->shape() != twin[k]->shape() || own[k]->name != twin[k]->name)
          fail("second_order: number ", k, " of the ", what, " is ", twin[k]->name, " (", twin[k]->shape().text(),
               ") in the twin, ", own[k]->name, " (", own[k]->shape().text(), ") in the model");
    }
  };

  void place(const T* theta, std::span<const T> v) {
    if (!v.empty()) detail::require_elements("second_order::at", "v", std::ssize(v), size_);
    const T* slopes = v.empty() ? nullptr : v.data();
    for (std::size_t k = 0; k < parameters_.own.size(); ++k) {
      const parameter<T>& own = *parameters_.own[k];
      parameter<dual<T>>& to = *parameters_.twin[k];
      lift(tensor_view<const T>(theta ? theta : own.value().data, own.shape()), {slopes, own.shape()}, to.value());
      to.trainable = own.trainable;
      to.zero_gradient();
      if (theta) theta += own.size();
      if (slopes) slopes += own.size();
    }
    for (std::size_t k = 0; k < buffers_.own.size(); ++k)
      lift(tensor_view<const T>(buffers_.own[k]->value()), {}, buffers_.twin[k]->value());
  }
  template <class Part>
  void read(std::span<T> to, const Part& part) const {
    detail::require_elements("second_order", "to", std::ssize(to), size_);
    T* out = to.data();
    for (const parameter<dual<T>>* p : parameters_.twin)
      out = std::transform(p->gradient().data, p->gradient().data + p->size(), out, part);
  }

  pairs parameters_, buffers_;
  index size_;
};

}  // namespace nn
DISTILL_NAMESPACE_END
