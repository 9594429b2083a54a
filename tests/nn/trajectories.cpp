// A hundred steps of every optimiser beside PyTorch's.
#include <distill/nn/adam.hpp>
#include <distill/nn/adamw.hpp>
#include <distill/nn/clip_gradients.hpp>
#include <distill/nn/constant_schedule.hpp>
#include <distill/nn/cosine_schedule.hpp>
#include <distill/nn/criterion.hpp>
#include <distill/nn/exponential_average.hpp>
#include <distill/nn/linear.hpp>
#include <distill/nn/parameter_list.hpp>
#include <distill/nn/relu.hpp>
#include <distill/nn/sam.hpp>
#include <distill/nn/sgd.hpp>
#include <distill/nn/step_schedule.hpp>
#include <distill/objective/cross_entropy.hpp>

#include <fstream>
#include <functional>
#include <map>
#include <sstream>

#include "support.hpp"

namespace nn_tests {
namespace {

struct recorded {
  std::map<std::string, std::vector<double>> lines;  // double, float, last
};

const std::map<std::string, recorded>& references() {
  static const std::map<std::string, recorded> all = [] {
    std::map<std::string, recorded> result;
    std::ifstream file(DISTILL_TEST_DATA "/training.txt");
    std::string run;
    for (std::string line, tag; std::getline(file, line);) {
      std::istringstream words(line);
      words >> tag;
      if (tag == "run")
        words >> run;
      else
        for (double value; words >> value;) result[run].lines[tag].push_back(value);
    }
    return result;
  }();
  return all;
}

/// As in generate_training.py.
template <class T>
void fill(const nn::tensor_view<T>& to, index seed) {
  for (index i = 0; i < to.size(); ++i)
    to.data[i] = static_cast<T>(static_cast<double>((i * 7919 + seed * 104729) % 1021 - 510) / 512);
}

template <class T>
class run {
 public:
  run() {
    model.add(nn::linear<T>{4, 5, 0});
    model.add(nn::relu<T>{});
    model.add(nn::linear<T>{5, 3, 0});
    parameters = model.parameters();
    for (std::size_t k = 0; k < 4; ++k) fill(parameters[k]->value(), static_cast<index>(k) + 1);
    fill(x.view(), 5);
    for (int i = 0; i < 20; ++i) labels.push_back((i * i + i / 3) % 3);
  }

  /// Adds the gradients of one step's ten samples to gradients that are zero.
  double add_gradients(int step) {
    const index first = step % 2 * 10;
    const double loss = criterion(
        tape,
        model.forward(tape, tape.constant(nn::tensor_view<const T>(x.data() + first * 4, nn::tensor_shape{10, 4}))),
        {.labels = std::span<const int>(labels).subspan(static_cast<std::size_t>(first), 10)});
    tape.backward();
    tape.reset();
    return loss;
  }

  /// update(step) makes one step and returns the loss before it.
  void follow(const std::string& name, const std::function<double(int)>& update) {
    CAPTURE(name);
    const recorded& expected = references().at(name);
    const std::vector<double>& losses = expected.lines.at(sizeof(T) == 8 ? "double" : "float");
    REQUIRE(losses.size() == 100);
    double worst = 0;
    for (int step = 0; step < 100; ++step) {
      const double loss = update(step), wanted = losses[static_cast<std::size_t>(step)];
      worst = std::max(worst, std::abs(loss - wanted) / wanted);
    }
    CAPTURE(worst);
    CHECK(worst <= (sizeof(T) == 8 ? 1e-12 : 1e-5));
    if (sizeof(T) == 4) return;
    const std::vector<T> last = nn::flat_values(parameters);
    const std::vector<double>& end = expected.lines.at("last");
    REQUIRE(end.size() == last.size());
    double apart = 0;
    for (std::size_t i = 0; i < end.size(); ++i)
      apart = std::max(apart, std::abs(static_cast<double>(last[i]) - end[i]));
    CHECK(apart <= 1e-12);
  }
  /// With the usual order of a step.
  template <class Optimiser>
  void follow(const std::string& name, Optimiser optimiser, const std::function<double(index)>& rate,
              const std::function<void()>& before_step) {
    follow(name, [&](int step) {
      nn::zero_gradients(parameters);
      const double loss = add_gradients(step);
      before_step();
      optimiser.step(parameters, rate(step));
      return loss;
    });
  }
  template <class Optimiser>
  void follow(const std::string& name, Optimiser optimiser, double rate) {
    follow(name, std::move(optimiser), nn::constant_schedule{rate}, [] {});
  }
  void follow_sam(const std::string& name, nn::sam<T, nn::sgd<T>> optimiser) {
    follow(name, [&](int step) {
      double loss = 0;
      int calls = 0;
      optimiser.step(parameters, {}, 0.05, [&] {
        const double here = add_gradients(step);
        if (calls++ == 0) loss = here;
      });
      return loss;
    });
  }

  nn::sequential<T> model;
  std::vector<nn::parameter<T>*> parameters;
  nn::tensor<T> x{nn::tensor_shape{20, 4}};
  std::vector<int> labels;
  nn::tape<T> tape;
  nn::criterion<T, distill::cross_entropy> criterion{distill::cross_entropy{}};
};

}  // namespace

TEST_CASE_TEMPLATE("trajectories: a hundred steps as PyTorch makes them", T, double, float) {
  run<T>().follow("sgd", nn::sgd<T>(), 0.1);
  run<T>().follow("momentum", nn::sgd<T>({.momentum = 0.9}), 0.05);
  run<T>().follow("nesterov", nn::sgd<T>({.momentum = 0.9, .nesterov = true}), 0.05);
  run<T>().follow("weight_decay", nn::sgd<T>({.momentum = 0.9, .weight_decay = 0.02}), 0.05);
  run<T>().follow("adam", nn::adam<T>(), 0.01);
  run<T>().follow("adam_l2", nn::adam<T>({.weight_decay = 0.05}), 0.01);
  run<T>().follow("adamw", nn::adamw<T>({.beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-6, .weight_decay = 0.5}), 0.01);

  run<T> norm, value;
  norm.follow("clip_norm", nn::sgd<T>({.momentum = 0.5}), nn::constant_schedule{0.1},
              [&] { nn::clip_gradients(norm.parameters, 0.25); });
  value.follow("clip_value", nn::sgd<T>({.momentum = 0.5}), nn::constant_schedule{0.1},
               [&] { nn::clip_gradient_values(value.parameters, 0.0625); });

  run<T>().follow("step_schedule", nn::sgd<T>({.momentum = 0.5}),
                  nn::step_schedule{.first = 0.1, .every = 30, .factor = 0.3}, [] {});
  run<T>().follow("cosine_schedule", nn::sgd<T>({.momentum = 0.5}),
                  nn::cosine_schedule{.peak = 0.1, .steps = 90, .warm_up = 10, .last = 0.01}, [] {});

  run<T>().follow_sam("sam", nn::sam(nn::sgd<T>({.momentum = 0.9}), {.radius = 0.125}));
  run<T>().follow_sam("asam", nn::sam(nn::sgd<T>({.momentum = 0.9}), {.radius = 0.5, .adaptive = true}));
  run<T>().follow_sam("gsam", nn::sam(nn::sgd<T>({.momentum = 0.9}), {.radius = 0.5, .adaptive = true, .alpha = 0.3}));

  run<T> averaged;
  nn::adam<T> optimiser;
  nn::exponential_average<T> average;
  averaged.follow("ema", [&](int step) {
    nn::zero_gradients(averaged.parameters);
    const double loss = averaged.add_gradients(step);
    optimiser.step(averaged.parameters, 0.02);
    average.update(averaged.parameters, 0.95);
    if (step == 99) average.swap(averaged.parameters);
    return loss;
  });
}

}  // namespace nn_tests
