// The one translation unit of the nn tests that replaces the global operator new.
#include <distill/nn/adam.hpp>
#include <distill/nn/adamw.hpp>
#include <distill/nn/average_pool.hpp>
#include <distill/nn/batch_norm.hpp>
#include <distill/nn/clip_gradients.hpp>
#include <distill/nn/conv2d.hpp>
#include <distill/nn/exponential_average.hpp>
#include <distill/nn/linear.hpp>
#include <distill/nn/max_pool.hpp>
#include <distill/nn/model/vision_transformer.hpp>
#include <distill/nn/relu.hpp>
#include <distill/nn/sam.hpp>
#include <distill/nn/sgd.hpp>

#include "harness/counting_new.hpp"
#include "support.hpp"

using harness::allocations;

namespace nn_tests {

template <class T, class Optimiser>
long allocations_of_later_steps(Optimiser optimiser, int threads) {
  nn::sequential<T> model;
  model.add(nn::conv2d<T>{1, 6, 3, 1});
  model.add(nn::relu<T>{});
  model.add(nn::max_pool<T>{});
  model.add(nn::conv2d<T>{6, 8, 3, 2, {.stride = 2, .padding = 1}});
  model.add(nn::batch_norm<T>{8, {.relu = true}});
  model.add(nn::conv2d<T>{8, 16, 3, 2, {.padding = 1, .relu = true}});
  model.add(nn::average_pool<T>{3, 1, 1});
  model.add(nn::linear<T>{16 * 49, 150, 3});
  model.add(nn::batch_norm<T>{150});
  model.add(nn::relu<T>{});
  model.add(nn::linear<T>{150, 10, 4});
  const std::vector<nn::parameter<T>*> parameters = model.parameters();
  const nn::tensor<T> x = random_tensor<T>({32, 1, 28, 28}, 5);
  nn::tape<T> tape({threads});
  const auto step = [&](index batch) {
    const nn::tensor_view<const T> images(x.data(), {batch, 1, 28, 28});
    quadratic_loss(tape, model.forward(tape, tape.constant(images)));
    zero_gradients(parameters);
    tape.backward();
    optimiser.step(parameters, 1e-5, {threads});
    tape.reset();
  };
  step(32);
  const long before = allocations;
  for (const index batch : {32, 32, 5, 32, 2, 17}) step(batch);
  return allocations - before;
}

/// Attention, dropout, layer norms, taps and a second head, trained and used.
long allocations_of_an_attention_network(int threads) {
  nn::network<float> model = nn::vision_transformer<float>({.blocks = 1, .dropout = 0.1, .second_outputs = 5});
  const std::vector<nn::parameter<float>*> parameters = model.parameters();
  const nn::tensor<float> x = random_tensor<float>({8, 1, 28, 28}, 5);
  nn::tape<float> tape({threads});
  const auto step = [&](index batch) {
    const nn::tensor_view<const float> images(x.data(), {batch, 1, 28, 28});
    tape.train();
    const auto out = model.run(tape, tape.constant(images));
    quadratic_loss(tape, out.logits);
    quadratic_loss(tape, out.second);
    quadratic_loss(tape, out.taps[1]);
    zero_gradients(parameters);
    tape.backward();
    tape.reset();
    tape.evaluate();
    model.forward(tape, tape.constant(images));
    tape.reset();
  };
  step(8);
  const long before = allocations;
  for (const index batch : {8, 3, 1, 8}) step(batch);
  return allocations - before;
}

TEST_CASE("allocation: none after the first step of an attention network") {
  CHECK(allocations_of_an_attention_network(1) == 0);
#if DISTILL_USE_OPENMP
  CHECK(allocations_of_an_attention_network(2) == 0);
#endif
}

/// The rest of what a step may be made of, on the gradients that are there.
class everything_else {
 public:
  void step(const std::vector<nn::parameter<float>*>& parameters, double rate, distill::execution resources) {
    nn::clip_gradients(parameters, 1.0, resources);
    sam_.ascend(parameters, resources);
    sam_.descend(parameters, rate, resources);
    average_.update(parameters, 0.99, resources);
  }

 private:
  nn::sam<float, nn::adamw<float>> sam_{nn::adamw<float>(), {.adaptive = true, .alpha = 0.2}};
  nn::exponential_average<float> average_;
};

TEST_CASE("allocation: none after the first step") {
  const long before = allocations;
  const std::vector<int> counted_one(100);
  CHECK(allocations == before + 1);
  CHECK(allocations_of_later_steps<float>(nn::sgd<float>({.momentum = 0.9}), 1) == 0);
  CHECK(allocations_of_later_steps<double>(nn::adam<double>(), 1) == 0);
  CHECK(allocations_of_later_steps<float>(everything_else(), 1) == 0);
#if DISTILL_USE_OPENMP  // starting a std::thread allocates
  CHECK(allocations_of_later_steps<float>(nn::sgd<float>({.momentum = 0.9}), 2) == 0);
#endif
}

}  // namespace nn_tests
