// Sharpness-aware minimisation: a step from the worst place nearby.
#pragma once

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "detail/optimiser_state.hpp"
#include "detail/ordered_sums.hpp"
#include "optimiser_memory.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

struct sam_options {
  double radius = 0.05;   ///< ρ, how far the ascent goes
  bool adaptive = false;  ///< ASAM: each weight moves in proportion to its own size
  double alpha = 0;       ///< GSAM: how much of what the ascent does not see is taken off, too
};

/// Wraps an optimiser: the gradient is taken where a short ascent ends, the step is made where it began.
///
///     g₀ = ∇L(θ),  e = ρ g₀ / (‖g₀‖ + 10⁻¹²),  or adaptive: e = ρ θ² g₀ / (‖θ g₀‖ + 10⁻¹²)
///     g₁ = ∇L(θ + e)
///     G = g₁ − α (g₀ − ‖g₀‖ cos(g₀, g₁) ĝ₁)
///     the wrapped optimiser's step at θ with G
///
///     nn::sam optimiser(nn::sgd<float>({.momentum = 0.9}), {.radius = 0.05});
///     optimiser.step(model.parameters(), model.buffers(), rate, [&] {
///       criterion(tape, model.forward(tape, tape.constant(images)), targets);
///       tape.backward();
///       tape.reset();
///     });
///
/// g₀ = 0 makes e = 0 and G = g₁. No gradient goes through e. Norms run over all trainable parameters together, in
/// double and in one order whatever the thread count.
/// sources: P. Foret et al., "Sharpness-aware minimization", ICLR 2021, eq. 2 and 3; J. Kwon et al., "ASAM", ICML 2021;
/// J. Zhuang et al., "Surrogate gap minimization improves sharpness-aware training", ICLR 2022, algorithm 1.
template <class T, class Base>
class sam {
 public:
  /// @throws argument_error  a radius or alpha that is negative
  explicit sam(Base base, sam_options options = {}) : base_(std::move(base)), options_(options) {
    if (!(options.radius >= 0)) fail("sam: radius is ", options.radius, ", at least 0 expected");
    if (!(options.alpha >= 0)) fail("sam: alpha is ", options.alpha, ", at least 0 expected");
  }

  /// `add_gradients()` is called twice and adds the gradient of one and the same batch to gradients that are zero. What
  /// it changes in `buffers` the second time (running statistics away from θ) is undone. Where it throws, parameters
  /// and buffers are those of θ.
  template <class Gradients>
  void step(const std::vector<parameter<T>*>& parameters, const std::vector<parameter<T>*>& buffers,
            double learning_rate, const Gradients& add_gradients, execution resources = {}) {
    zero_gradients(parameters);
    add_gradients();
    keep(buffers);
    ascend(parameters, resources);
    zero_gradients(parameters);
    try {
      add_gradients();
    } catch (...) {
      go_back(parameters, resources);
      give_back(buffers);
      throw;
    }
    give_back(buffers);
    descend(parameters, learning_rate, resources);
  }

  /// The first half on its own: from θ, with g₀ as the gradients, to θ + e.
  void ascend(const std::vector<parameter<T>*>& parameters, execution resources = {}) {
    const auto squares = detail::ordered_sums<1>(parameters, resources, [&](std::size_t k, index i) {
      const double g = static_cast<double>(parameters[k]->gradient().data[i]);
      const double x = options_.adaptive ? g * static_cast<double>(parameters[k]->value().data[i]) : g;
      return std::array<double, 1>{x * x};
    });
    const simd<T> scale(static_cast<T>(options_.radius / (std::sqrt(squares[0]) + tiny)));
    const auto move = [&](index size, T* value, const T* gradient, T* place, T* first) {
      std::copy_n(value, size, place);
      std::copy_n(gradient, size, first);
      distill::detail::sweep<T>(
          size,
          [&](simd<T>& x, const simd<T>& g) DISTILL_LAMBDA_INLINE {
            const simd<T> along = options_.adaptive ? x * x * g : g;
            x = lane<simd<T>>::fma(scale, along, x);
          },
          value, gradient);
    };
    state_.for_each_piece("sam", parameters, resources, move);
    away_ = true;
  }
  /// The second half: back to θ exactly, and the step there with G, made of what the gradients hold now. They hold G
  /// afterwards. @throws argument_error  without the first half
  void descend(const std::vector<parameter<T>*>& parameters, double learning_rate, execution resources = {}) {
    if (!away_) fail("sam: descend() without ascend() before it");
    go_back(parameters, resources);
    if (options_.alpha > 0) take_off_the_rest(parameters, resources);
    base_.step(parameters, learning_rate, resources);
  }

  Base& base() { return base_; }
  const Base& base() const { return base_; }

  /// The wrapped optimiser's: between steps there is nothing else. See optimiser_memory.hpp.
  template <memory_visitor<T> Visitor>
  void visit_memory(const std::vector<parameter<T>*>& parameters, Visitor&& visit) {
    base_.visit_memory(parameters, visit);
  }

 private:
  static constexpr double tiny = 1e-12;

  void go_back(const std::vector<parameter<T>*>& parameters, execution resources) {
    state_.for_each_piece("sam", parameters, resources, [](index size, T* value, const T*, const T* place, const T*) {
      std::copy_n(place, size, value);
    });
    away_ = false;
  }

  void take_off_the_rest(const std::vector<parameter<T>*>& parameters, execution resources) {
    const auto sums = detail::ordered_sums<3>(parameters, resources, [&](std::size_t k, index i) {
      const double g0 = static_cast<double>(state_.slot(k, 1)[i]);
      const double g1 = static_cast<double>(parameters[k]->gradient().data[i]);
      return std::array<double, 3>{g0 * g0, g1 * g1, g0 * g1};
    });
    const double first = std::sqrt(sums[0]), second = std::sqrt(sums[1]), cosine = sums[2] / (first * second + tiny);
    // G = (1 + α ‖g₀‖ cos / ‖g₁‖) g₁ − α g₀
    const simd<T> stay(static_cast<T>(1 + options_.alpha * cosine * first / (second + tiny))),
        off(static_cast<T>(-options_.alpha));
    state_.for_each_piece("sam", parameters, resources, [&](index size, T*, T* gradient, const T*, const T* g0) {
      distill::detail::sweep<T>(
          size,
          [&](simd<T>& g, const simd<T>& before)
              DISTILL_LAMBDA_INLINE { g = lane<simd<T>>::fma(off, before, stay * g); },
          gradient, g0);
    });
  }

  void keep(const std::vector<parameter<T>*>& buffers) {
    const auto same = [](const parameter<T>* b, const tensor<T>& kept) { return b->shape() == kept.shape(); };
    if (!std::equal(buffers.begin(), buffers.end(), buffers_.begin(), buffers_.end(), same)) {
      buffers_.clear();
      for (const parameter<T>* b : buffers) buffers_.emplace_back(b->shape());
    }
    for (std::size_t k = 0; k < buffers.size(); ++k)
      std::copy_n(buffers[k]->value().data, buffers[k]->size(), buffers_[k].data());
  }
  void give_back(const std::vector<parameter<T>*>& buffers) const {
    for (std::size_t k = 0; k < buffers.size(); ++k)
      std::copy_n(buffers_[k].data(), buffers[k]->size(), buffers[k]->value().data);
  }

  Base base_;
  sam_options options_;
  detail::optimiser_state<T, 2> state_;  // θ and g₀
  std::vector<tensor<T>> buffers_;
  bool away_ = false;  // between the halves: the parameters are θ + e
};

template <template <class> class Optimiser, class T>
sam(Optimiser<T>, sam_options = {}) -> sam<T, Optimiser<T>>;

}  // namespace nn
DISTILL_NAMESPACE_END
