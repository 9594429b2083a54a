#include <distill/nn/adam.hpp>
#include <distill/nn/conv2d.hpp>
#include <distill/nn/linear.hpp>
#include <distill/nn/max_pool.hpp>
#include <distill/nn/relu.hpp>
#include <distill/nn/sgd.hpp>

#include "support.hpp"

namespace nn_tests {

/// Loss and parameters after a few steps.
template <class T, class Optimiser>
std::vector<T> train(nn::sequential<T>& model, Optimiser optimiser, const nn::tensor<T>& x, int threads) {
  nn::tape<T> tape({threads});
  const std::vector<nn::parameter<T>*> parameters = model.parameters();
  std::vector<T> result;
  for (int step = 0; step < 4; ++step) {
    const nn::variable loss = quadratic_loss(tape, model.forward(tape, tape.constant(x.view())));
    result.push_back(*tape.value(loss).data);
    zero_gradients(parameters);
    tape.backward();
    optimiser.step(parameters, 1e-4, {threads});
    tape.reset();
  }
  CHECK(result.back() < result.front());
  for (const nn::parameter<T>* p : parameters)
    result.insert(result.end(), p->value().data, p->value().data + p->size());
  return result;
}

template <class T>
nn::sequential<T> small_cnn() {
  nn::sequential<T> model;
  model.add(nn::conv2d<T>{1, 8, 3, 1, {.padding = 1}});
  model.add(nn::relu<T>{});
  model.add(nn::max_pool<T>{});
  model.add(nn::conv2d<T>{8, 12, 3, 2});
  model.add(nn::relu<T>{});
  model.add(nn::max_pool<T>{});
  model.add(nn::linear<T>{12 * 36, 200, 3});
  model.add(nn::relu<T>{});
  model.add(nn::linear<T>{200, 10, 4});
  return model;
}

TEST_CASE_TEMPLATE("determinism: the same bits for 1, 2 and 3 threads", T, float, double) {
  const nn::tensor<T> x = random_tensor<T>({37, 1, 28, 28}, 5);
  std::vector<T> with_sgd, with_adam;
  for (const int threads : {1, 2, 3}) {
    nn::sequential<T> a = small_cnn<T>(), b = small_cnn<T>();
    const std::vector<T> sgd = train(a, nn::sgd<T>({.momentum = 0.9, .weight_decay = 1e-4}), x, threads);
    const std::vector<T> adam = train(b, nn::adam<T>(), x, threads);
    if (threads == 1) {
      with_sgd = sgd;
      with_adam = adam;
    }
    CHECK(std::memcmp(sgd.data(), with_sgd.data(), sgd.size() * sizeof(T)) == 0);
    CHECK(std::memcmp(adam.data(), with_adam.data(), adam.size() * sizeof(T)) == 0);
  }
}

}  // namespace nn_tests
