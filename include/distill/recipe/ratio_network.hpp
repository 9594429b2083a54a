// A share in (0, 1) for every sample, learned.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../nn/adam.hpp"
#include "../nn/leaky_relu.hpp"
#include "../nn/linear.hpp"
#include "../nn/sequential.hpp"

DISTILL_NAMESPACE_BEGIN
namespace recipes {

/// The defaults are published. Beside gradients as small as a step's effect on a validation loss, that decay soon makes
/// α one number for all samples; 1e-3 for both leaves them apart.
struct ratio_network_options {
  double rate = 0.1;
  double weight_decay = 0.05;  ///< added to the gradient
  std::uint64_t seed = 0;
};

/// α = σ(a), a = W₃ lrelu(W₂ lrelu(W₁ x + b₁) + b₂) + b₃ bounded to ±30, with hidden widths 32 and 16. It learns by
/// Adam, from what an outer loss says of every α; the gradient of a beyond the bound is 0.
///
///     ratio_network<float> ratio(features.width(), {.rate = 0.1});
///     std::span<const float> alpha = ratio.decide(x);    // n × features
///     ratio.learn(to_alpha);                             // dJ/dα_i of the n samples: one step
///     alpha = ratio.decide(x);
///
/// Source: TGeo-KD, arXiv 2312.15112; widths, slope and rates as in a third party's code.
template <class T>
class ratio_network {
 public:
  /// @throws argument_error  features below 1, a rate that is not positive, what adam throws
  explicit ratio_network(index features, const ratio_network_options& options = {})
      : rate_(options.rate), optimiser_({.weight_decay = options.weight_decay}) {
    if (!(rate_ > 0 && std::isfinite(rate_))) fail("ratio_network: rate is ", rate_, ", positive and finite expected");
    layers_.add(nn::linear<T>(features, 32, 3 * options.seed + 1));
    layers_.add(nn::leaky_relu<T>());
    layers_.add(nn::linear<T>(32, 16, 3 * options.seed + 2));
    layers_.add(nn::leaky_relu<T>());
    layers_.add(nn::linear<T>(16, 1, 3 * options.seed + 3, nn::initialisation::xavier_uniform));
    parameters_ = layers_.parameters();
  }

  /// ω; its gradients are those of the last learn().
  const std::vector<nn::parameter<T>*>& parameters() const { return parameters_; }

  /// α of every row, valid until the next call; x must outlive learn(). @throws argument_error  another width
  std::span<const T> decide(const nn::tensor_view<const T>& x) {
    tape_.reset();
    logits_ = layers_.forward(tape_, tape_.constant(x));
    const nn::tensor_view<const T> a = tape_.value(logits_);
    alpha_.resize(static_cast<std::size_t>(a.size()));
    for (std::size_t i = 0; i < alpha_.size(); ++i) {
      const double logit = static_cast<double>(a.data[i]), e = std::exp(-std::min(std::abs(logit), bound));
      alpha_[i] = static_cast<T>((logit < 0 ? e : 1) / (1 + e));
    }
    return alpha_;
  }

  /// One step on ω for the samples of the last decide(). @throws argument_error  not one number a sample
  void learn(std::span<const T> to_alpha) {
    if (to_alpha.size() != alpha_.size())
      fail("ratio_network: to_alpha has ", to_alpha.size(), " entries, ", alpha_.size(), " samples were decided");
    nn::zero_gradients(parameters_);
    // Σ a_i dJ/da_i with the derivatives held: its gradient is J's.
    tape_.record_loss(T(0), {logits_}, [to_alpha = to_alpha.data()](nn::tape<T>& on, nn::variable self) {
      const nn::variable logits = on.input(self, 0);
      const nn::tensor_view<const T> a = on.value(logits);
      const nn::tensor_view<T> to = on.zeroed_gradient(logits);
      for (index i = 0; i < to.size(); ++i) {
        const double logit = std::abs(static_cast<double>(a.data[i])), e = std::exp(-logit);
        if (!(logit > bound)) to.data[i] += static_cast<T>(e / ((1 + e) * (1 + e))) * to_alpha[i];
      }
    });
    tape_.backward();
    optimiser_.step(parameters_, rate_);
  }

 private:
  static constexpr double bound = 30;

  double rate_;
  nn::adam<T> optimiser_;
  nn::sequential<T> layers_;
  std::vector<nn::parameter<T>*> parameters_;
  nn::tape<T> tape_;
  nn::variable logits_;
  std::vector<T> alpha_;
};

}  // namespace recipes
DISTILL_NAMESPACE_END
