#include <distill/nn/adam.hpp>
#include <distill/nn/cosine_schedule.hpp>
#include <distill/nn/sgd.hpp>

#include "support.hpp"

namespace nn_tests {

constexpr index odd_size = 8 * 16384 + 5;  // enough for two threads; the last piece is shorter than a batch

template <class Optimiser, class Formula>
void follow(Optimiser optimiser, const Formula& formula) {
  nn::parameter<double> p("p", {odd_size}), frozen("frozen", {3});
  frozen.trainable = false;
  frozen.gradient().data[1] = 1;
  const std::vector<nn::parameter<double>*> list{&p, &frozen};
  std::vector<double> expected(odd_size), m(odd_size), v(odd_size);
  for (index i = 0; i < odd_size; ++i)
    expected[static_cast<std::size_t>(i)] = p.value().data[i] = coefficient<double>(i);
  for (int step = 1; step <= 5; ++step) {
    double worst = 0;
    for (index i = 0; i < odd_size; ++i) p.gradient().data[i] = coefficient<double>(i + 7 * step);
    optimiser.step(list, 0.1 / step, {2});
    for (std::size_t i = 0; i < expected.size(); ++i) {
      formula(step, 0.1 / step, p.gradient().data[i], expected[i], m[i], v[i]);
      worst = std::max(worst, std::abs(expected[i] - p.value().data[i]));
    }
    CHECK(worst < 1e-13);
  }
  CHECK(frozen.value().data[1] == 0);
}

TEST_CASE("sgd: plain, momentum, Nesterov, weight decay against the formula") {
  for (const double momentum : {0.0, 0.9})
    for (const double decay : {0.0, 0.01})
      for (const bool nesterov : {false, true}) {
        if (nesterov && momentum == 0) continue;
        follow(nn::sgd<double>({.momentum = momentum, .weight_decay = decay, .nesterov = nesterov}),
               [&](int, double rate, double gradient, double& x, double& velocity, double&) {
                 const double g = gradient + decay * x;
                 velocity = momentum * velocity + g;
                 x -= rate * (nesterov ? g + momentum * velocity : velocity);
               });
      }
}

TEST_CASE("sgd: momentum on a constant gradient has a closed form") {
  nn::parameter<float> p("p", {1});
  nn::sgd<float> optimiser({.momentum = 0.5});
  p.gradient().data[0] = 1;
  for (int step = 0; step < 10; ++step) optimiser.step({&p}, 0.25);
  // Σ_{t=1}^{10} ¼ Σ_{s=0}^{t-1} 2^{-s} = ¼ (20 − 2 (1 − 2^{-10}))
  CHECK(p.value().data[0] == doctest::Approx(-0.25 * (20 - 2 * (1 - 1.0 / 1024))));
}

TEST_CASE("adam: against the formula; the first step is the rate times the sign") {
  for (const double decay : {0.0, 0.1})
    follow(nn::adam<double>({.beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-3, .weight_decay = decay}),
           [&](int t, double rate, double g, double& x, double& m, double& v) {
             m = 0.8 * m + (1 - 0.8) * g;
             v = 0.95 * v + (1 - 0.95) * g * g;
             x -= rate * decay * x;
             x -= rate * (m / (1 - std::pow(0.8, t))) / (std::sqrt(v / (1 - std::pow(0.95, t))) + 1e-3);
           });
  nn::parameter<double> p("p", {2});
  nn::adam<double> optimiser;
  p.gradient().data[0] = 1e-3;
  p.gradient().data[1] = -50;
  optimiser.step({&p}, 0.01);
  CHECK(p.value().data[0] == doctest::Approx(-0.01));
  CHECK(p.value().data[1] == doctest::Approx(0.01));
  CHECK(optimiser.steps() == 1);
}

TEST_CASE("optimisers: errors") {
  CHECK(message_of([] { nn::sgd<float>({.momentum = 1.5}); }) == "distill: sgd: momentum is 1.5, [0, 1) expected");
  CHECK_THROWS_AS(nn::sgd<float>({.weight_decay = -1}), argument_error);
  CHECK_THROWS_AS(nn::sgd<float>({.nesterov = true}), argument_error);
  CHECK_THROWS_AS(nn::adam<float>({.beta1 = -0.1}), argument_error);
  CHECK_THROWS_AS(nn::adam<float>({.beta2 = 1}), argument_error);
  CHECK_THROWS_AS(nn::adam<float>({.epsilon = std::nan("")}), argument_error);
  nn::parameter<float> a("a", {2}), b("b", {3});
  nn::sgd<float> optimiser;
  optimiser.step({&a, &b}, 0.1);
  CHECK(message_of([&] { optimiser.step({&a}, 0.1); }) == "distill: sgd: 1 parameters given, the first step had 2");
  CHECK(message_of([&] {
          optimiser.step({&a, &a}, 0.1);
        }) == "distill: sgd: parameter 1 (a) has 2 elements, in the first step it had 3");
}

TEST_CASE("cosine_schedule: warm-up, half a cosine, the end") {
  const nn::cosine_schedule rate{.peak = 2, .steps = 110, .warm_up = 10, .last = 0.5};
  CHECK(rate(0) == doctest::Approx(0.2));
  CHECK(rate(9) == doctest::Approx(2));
  CHECK(rate(10) == doctest::Approx(2));
  CHECK(rate(60) == doctest::Approx(1.25));
  CHECK(rate(110) == 0.5);
  CHECK(rate(1000) == 0.5);
  CHECK(nn::cosine_schedule{.peak = 1, .steps = 4, .warm_up = 4}(3) == 1);
  CHECK_THROWS_AS(rate(-1), argument_error);
  CHECK_THROWS_AS((nn::cosine_schedule{.peak = 1, .steps = 4, .warm_up = 5}(0)), argument_error);
}

}  // namespace nn_tests
