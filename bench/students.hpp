// The networks whose training is timed, and a step of it: forward, cross-entropy, backward, Adam.
#pragma once

#include <cstdint>
#include <distill/nn/adam.hpp>
#include <distill/nn/criterion.hpp>
#include <distill/nn/model/convnet.hpp>
#include <distill/nn/model/lenet.hpp>
#include <distill/nn/model/mlp.hpp>
#include <distill/objective/cross_entropy.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

namespace nn = distill::nn;
using distill::index;

/// "mlp": 784-256-128-10. "lenet": 16 and 32 channels, 3×3, each pooled by 2. "deep": 32-32-pool-64-64-pool, 3×3, each
/// convolution normalised over the batch.
inline nn::network<float> network_called(std::string_view name) {
  if (name == "mlp") return nn::mlp<float>();
  if (name == "lenet") return nn::lenet<float>();
  if (name == "deep") return nn::convnet<float>();
  distill::fail("bench: student ", std::string(name), ", mlp, lenet or deep expected");
}

/// A network with all that a step of its training needs. It stays where it is.
struct student {
  nn::network<float> model;
  nn::tape<float> tape;
  nn::adam<float> optimiser;
  nn::criterion<float, distill::cross_entropy> loss{distill::cross_entropy{}};
  std::vector<nn::parameter<float>*> parameters;
  int threads;
  double multiplications = 0;  ///< of one image on the way forward
  double first_layer = 0;      ///< those of the first layer, whose input has no gradient

  student(std::string_view name, int threads_) : model(network_called(name)), tape({threads_}), threads(threads_) {
    const double image = 28 * 28, half = 14 * 14;
    if (name == "mlp") {
      first_layer = 784 * 256;
      multiplications = first_layer + 256 * 128 + 128 * 10;
    } else if (name == "lenet") {
      first_layer = image * 16 * 9;
      multiplications = first_layer + half * 32 * 16 * 9 + 32 * 49 * 10;
    } else {
      first_layer = image * 32 * 9;
      multiplications = first_layer + image * 32 * 32 * 9 + half * (32 + 64) * 64 * 9 + 64 * 49 * 10;
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
