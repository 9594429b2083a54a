// The networks whose training is timed, and a step of it: forward, cross-entropy, backward, Adam.
#pragma once

#include <cstdint>
#include <distill/nn/adam.hpp>
#include <distill/nn/conv2d.hpp>
#include <distill/nn/criterion.hpp>
#include <distill/nn/linear.hpp>
#include <distill/nn/max_pool.hpp>
#include <distill/nn/relu.hpp>
#include <distill/nn/sequential.hpp>
#include <distill/objective/cross_entropy.hpp>
#include <string_view>
#include <vector>
#if __has_include(<distill/nn/batch_norm.hpp>)
#include <distill/nn/batch_norm.hpp>
#define BENCH_BATCH_NORM 1
#endif

namespace bench {

namespace nn = distill::nn;
using distill::index;
using network = nn::sequential<float>;

/// 784-256-128-10.
inline void build_mlp(network& m) {
  m.add(nn::linear<float>{784, 256, 1});
  m.add(nn::relu<float>{});
  m.add(nn::linear<float>{256, 128, 2});
  m.add(nn::relu<float>{});
  m.add(nn::linear<float>{128, 10, 3});
}

/// 16 and 32 channels, 3×3, each pooled by 2.
inline void build_lenet(network& m) {
  m.add(nn::conv2d<float>{1, 16, 3, 1, {.padding = 1}});
  m.add(nn::relu<float>{});
  m.add(nn::max_pool<float>{});
  m.add(nn::conv2d<float>{16, 32, 3, 2, {.padding = 1}});
  m.add(nn::relu<float>{});
  m.add(nn::max_pool<float>{});
  m.add(nn::linear<float>{32 * 49, 10, 3});
}

/// 32-32-pool-64-64-pool-linear, 3×3, each convolution normalised over the batch.
inline void build_deep(network& m) {
  const auto convolution = [&](index from, index to, std::uint64_t seed) {
#if BENCH_BATCH_NORM
    m.add(nn::conv2d<float>{from, to, 3, seed, {.padding = 1, .bias = false}});
    m.add(nn::batch_norm<float>{to, {.relu = true}});
#else
    m.add(nn::conv2d<float>{from, to, 3, seed, {.padding = 1}});
    m.add(nn::relu<float>{});
#endif
  };
  convolution(1, 32, 1);
  convolution(32, 32, 2);
  m.add(nn::max_pool<float>{});
  convolution(32, 64, 3);
  convolution(64, 64, 4);
  m.add(nn::max_pool<float>{});
  m.add(nn::linear<float>{64 * 49, 10, 5});
}

/// A network with all that a step of its training needs. It stays where it is.
struct student {
  network model;
  nn::tape<float> tape;
  nn::adam<float> optimiser;
  nn::criterion<float, distill::cross_entropy> loss{distill::cross_entropy{}};
  std::vector<nn::parameter<float>*> parameters;
  int threads;
  double multiplications = 0;  ///< of one image on the way forward
  double first_layer = 0;      ///< those of the first layer, whose input has no gradient

  student(std::string_view name, int threads_) : tape({threads_}), threads(threads_) {
    const double image = 28 * 28, half = 14 * 14;
    if (name == "mlp") {
      build_mlp(model);
      first_layer = 784 * 256;
      multiplications = first_layer + 256 * 128 + 128 * 10;
    } else if (name == "lenet") {
      build_lenet(model);
      first_layer = image * 16 * 9;
      multiplications = first_layer + half * 32 * 16 * 9 + 32 * 49 * 10;
    } else if (name == "deep") {
      build_deep(model);
      first_layer = image * 32 * 9;
      multiplications = first_layer + image * 32 * 32 * 9 + half * (32 + 64) * 64 * 9 + 64 * 49 * 10;
    } else {
      distill::fail("bench: student ", std::string(name), ", mlp, lenet or deep expected");
    }
    parameters = model.parameters();
    tape.train();
  }

  double step(const nn::tensor_view<const float>& images, const distill::index_view& labels) {
    nn::zero_gradients(parameters);
    const nn::variable logits = model.forward(tape, tape.constant(images));
    const double value = loss(tape, logits, {.labels = labels}).value;
    tape.backward();
    optimiser.step(parameters, 1e-3, {threads});
    tape.reset();
    return value;
  }

  /// Additions and multiplications of a step for an image: forward, to the weights, to the inputs. Convolutions count
  /// as their definition has it, however they are computed.
  double operations() const { return 2 * (3 * multiplications - first_layer); }
};

}  // namespace bench
