// How a network's output changes as its parameters move.
#pragma once

#include <cmath>
#include <optional>
#include <span>
#include <vector>

#include "../config.hpp"
#include "../core/dual.hpp"
#include "../core/error.hpp"
#include "layer.hpp"
#include "parameter_list.hpp"
#include "second_order.hpp"
#include "tape.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// J v = d/dh f(x; θ + h v) at h = 0, of every output of a network along one direction v of its parameters.
///
/// Without a twin by central differences, two forward passes and no second network:
///
///     J v ≈ (f(x; θ + h v) − f(x; θ − h v)) / 2h,  h = r ‖θ‖ / ‖v‖,  r = 1e-4 in float, 1e-7 in double
///
/// (‖θ‖ = 0 counts as 1). Rounding takes about ε/r of the output and what passes a kink within ±h about √r: on a small
/// network of ReLUs 0.3 % in float and 1e-8 in double, where hardly anything does. With a twin over dual numbers
/// (second_order.hpp) by one pass over it: exact up to rounding, on the kinks as the tape differentiates them.
///
/// A call like the one before allocates nothing.
template <class T>
class directional_derivative {
 public:
  /// Both must outlive the object. @throws argument_error  a twin whose parameters are not those of the model
  explicit directional_derivative(layer<T>& model, layer<dual<T>>* twin = nullptr)
      : model_(&model), twin_(twin), parameters_(model.parameters()), theta_(flat_values(parameters_)), moved_(theta_) {
    if (twin != nullptr) second_.emplace(model, *twin);
  }

  /// Writes J v, of as many elements as the output, for v of all parameters, one after the other. The layers learn or
  /// are used as the tape says, with its noise. The tape comes back with more nodes on it, running statistics of the
  /// model changed where it is training.
  /// @throws argument_error  v or to of another size
  void operator()(tape<T>& t, const tensor_view<const T>& input, std::span<const T> v, std::span<T> to) {
    if (v.size() != theta_.size())
      fail("directional_derivative: v has ", v.size(), " elements, the parameters have ", theta_.size());
    if (second_)
      exact(t, input, v, to);
    else
      differences(t, input, v, to);
  }

 private:
  void exact(const tape<T>& t, const tensor_view<const T>& input, std::span<const T> v, std::span<T> to) {
    if (!twin_tape_) twin_tape_.emplace(t.resources());
    tape<dual<T>>& on = *twin_tape_;
    on.reset();
    if (t.training())
      on.train(t.noise());
    else
      on.evaluate();
    const auto value_only = on.no_gradients();
    second_->at(v);
    const tensor_view<dual<T>> x = on.allocate(input.shape);
    lift(input, {}, x);
    copy_slopes(on.value(twin_->forward(on, on.constant(x))), to);
  }

  void differences(tape<T>& t, const tensor_view<const T>& input, std::span<const T> v, std::span<T> to) {
    copy_values(parameters_, theta_);
    const double along = length(v), whole = length(theta_);
    const double h = along > 0 ? share * (whole > 0 ? whole : 1) / along : 0;
    const auto value_only = t.no_gradients();
    const auto output_at = [&](double step) {
      for (std::size_t k = 0; k < theta_.size(); ++k) moved_[k] = theta_[k] + static_cast<T>(step) * v[k];
      const auto instead = t.substitute(parameters_, {moved_.data(), {std::ssize(moved_)}});
      return t.value(model_->forward(t, t.constant(input)));
    };
    const tensor_view<const T> after = output_at(h), before = output_at(-h);
    if (std::ssize(to) != after.size())
      fail("directional_derivative: to has ", to.size(), " elements, the output has ", after.size());
    for (std::size_t i = 0; i < to.size(); ++i) {  // what is −inf on both sides does not move
      const T a = after.data[i], b = before.data[i];
      to[i] = a == b ? T(0) : static_cast<T>((static_cast<double>(a) - static_cast<double>(b)) / (2 * h));
    }
  }

  static double length(std::span<const T> x) {
    double sum = 0;
    for (const T e : x) sum += static_cast<double>(e) * static_cast<double>(e);
    return std::sqrt(sum);
  }

  static constexpr double share = sizeof(T) == sizeof(float) ? 1e-4 : 1e-7;  // r

  layer<T>* model_;
  layer<dual<T>>* twin_;
  std::vector<parameter<T>*> parameters_;
  std::vector<T> theta_, moved_;
  std::optional<second_order<T>> second_;
  std::optional<tape<dual<T>>> twin_tape_;
};

}  // namespace nn
DISTILL_NAMESPACE_END
