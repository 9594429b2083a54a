// What a step on one loss would do to another.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "directional_derivative.hpp"
#include "layer.hpp"
#include "parameter_list.hpp"
#include "tape.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// One step of gradient descent that is tried, not taken, and what an outer loss J says of it:
///
///     θ′ = θ − η ∇_θ L(θ),  v = ∇J(θ′),  J_z v = d/dh z(θ + h v) at h = 0
///
/// Whatever number w of L = Σ_i w_i ℓ_i(z_i)/n is asked for, dJ/dw_i = −(η/n) ⟨∂ℓ_i/∂z_i, (J_z v)_i⟩: the chain rule
/// through θ′, with ⟨∇_θ ℓ_i, v⟩ turned round into a derivative of the outputs along v. One directional derivative for
/// all w, and nothing is differentiated twice.
///
///     nn::look_ahead<float> ahead(student);
///     const double outer = ahead(tape, 0.05, images, [&](auto& on) { … L of student.forward(on, …) … },
///                                [&](auto& on) { … return J; }, slopes);
///
/// The model's parameters, gradients and running statistics are afterwards what they were. A call like the one before
/// allocates nothing.
template <class T>
class look_ahead {
 public:
  /// Both must outlive the object; with a twin over dual numbers J_z v is exact, without by central differences
  /// (directional_derivative.hpp). @throws argument_error  a twin whose parameters are not those of the model
  explicit look_ahead(layer<T>& model, layer<dual<T>>* twin = nullptr)
      : derivative_(model, twin),
        parameters_(model.parameters()),
        buffers_(model.buffers()),
        point_(flat_values(parameters_)),
        gradient_(point_.size()),
        kept_(flat_values(buffers_)) {}

  /// Writes J_z v of the outputs z on `input` and returns J. inner(tape) runs the model on the input and records L,
  /// outer(tape) runs it on other data, records J and returns it; both on a tape of the look-ahead's own. L is that of
  /// `like`, the tape of the step: in training if it is, with its noise. J is that of a model in use, with
  /// the running statistics it has now. What is not trainable stays where it is. @throws argument_error  `to` of
  /// another size than the outputs, what the losses throw
  template <class Inner, class Outer>
  double operator()(const tape<T>& like, double rate, const tensor_view<const T>& input, const Inner& inner,
                    const Outer& outer, std::span<T> to) {
    if (!tape_) tape_.emplace(like.resources());
    copy_values(parameters_, point_);
    copy_values(buffers_, kept_);
    const auto afterwards = detail::at_exit([this] { assign_values(buffers_, std::span<const T>(kept_)); });
    begin(like);
    differentiate(inner);
    for (std::size_t k = 0; k < point_.size(); ++k) point_[k] -= static_cast<T>(rate) * gradient_[k];
    assign_values(buffers_, std::span<const T>(kept_));
    begin(like);
    tape_->evaluate();
    const double result = differentiate(outer);
    begin(like);
    derivative_(*tape_, input, gradient_, to);
    return result;
  }

 private:
  void begin(const tape<T>& like) {
    tape_->reset();
    if (like.training())
      tape_->train(like.noise());
    else
      tape_->evaluate();
  }

  /// gradient_ = that of the loss at point_, 0 where nothing may move.
  template <class Loss>
  double differentiate(const Loss& loss) {
    std::fill(gradient_.begin(), gradient_.end(), T(0));
    const tensor_shape shape{std::ssize(point_)};
    const auto instead = tape_->substitute(parameters_, {point_.data(), shape}, {gradient_.data(), shape});
    const double value = static_cast<double>(loss(*tape_));
    tape_->backward();
    auto first = gradient_.begin();
    for (const parameter<T>* p : parameters_) {
      if (!p->trainable) std::fill_n(first, p->size(), T(0));
      first += p->size();
    }
    return value;
  }

  directional_derivative<T> derivative_;
  std::vector<parameter<T>*> parameters_, buffers_;
  std::vector<T> point_, gradient_, kept_;
  std::optional<tape<T>> tape_;
};

}  // namespace nn
DISTILL_NAMESPACE_END
