#include <distill/nn/adam.hpp>
#include <distill/nn/adamw.hpp>
#include <distill/nn/clip_gradients.hpp>
#include <distill/nn/constant_schedule.hpp>
#include <distill/nn/cosine_schedule.hpp>
#include <distill/nn/exponential_average.hpp>
#include <distill/nn/sam.hpp>
#include <distill/nn/sgd.hpp>
#include <distill/nn/step_schedule.hpp>
#include <distill/nn/warm_up.hpp>

#include <cmath>

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
    for (const bool coupled : {false, true}) {
      const auto formula = [&](int t, double rate, double g, double& x, double& m, double& v) {
        if (coupled) g += decay * x;
        m = 0.8 * m + (1 - 0.8) * g;
        v = 0.95 * v + (1 - 0.95) * g * g;
        if (!coupled) x -= rate * decay * x;
        x -= rate * (m / (1 - std::pow(0.8, t))) / (std::sqrt(v / (1 - std::pow(0.95, t))) + 1e-3);
      };
      if (coupled)
        follow(nn::adam<double>({.beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-3, .weight_decay = decay}), formula);
      else
        follow(nn::adamw<double>({.beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-3, .weight_decay = decay}), formula);
    }
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
  CHECK(message_of([] { nn::adamw<float>({.beta2 = 1}); }) == "distill: adamw: beta2 is 1, [0, 1) expected");
  CHECK_THROWS_AS(nn::adamw<float>({.weight_decay = -1}), argument_error);
  CHECK_THROWS_AS(nn::sam(nn::sgd<float>(), {.radius = -1}), argument_error);
  CHECK_THROWS_AS(nn::sam(nn::sgd<float>(), {.alpha = std::nan("")}), argument_error);
  nn::parameter<float> a("a", {2}), b("b", {3});
  nn::sgd<float> optimiser;
  optimiser.step({&a, &b}, 0.1);
  nn::adam<float> counting;
  counting.step({&a, &b}, 0.1);
  CHECK_THROWS_AS(counting.step({&a}, 0.1), argument_error);
  CHECK(counting.steps() == 1);
  CHECK(message_of([&] { optimiser.step({&a}, 0.1); }) == "distill: sgd: 1 parameters given, the first step had 2");
  CHECK(message_of([&] {
          optimiser.step({&a, &a}, 0.1);
        }) == "distill: sgd: parameter 1 (a) has 2 elements, in the first step it had 3");
}

namespace {
/// L = ½ Σ h θ², whose gradient at any θ is h θ.
struct bowl {
  nn::parameter<double> p{"p", {3}}, running{"running", {1}};
  double h[3] = {1, 4, 0.5};
  int calls = 0;
  bowl() {
    for (index i = 0; i < 3; ++i) p.value().data[i] = static_cast<double>(i) - 0.75;
  }
  void operator()() {
    for (index i = 0; i < 3; ++i) p.gradient().data[i] += h[i] * p.value().data[i];
    running.value().data[0] += 1;
    ++calls;
  }
};
}  // namespace

TEST_CASE("sam: the step of a quadratic by hand, buffers as the first pass left them") {
  for (const bool adaptive : {false, true})
    for (const double alpha : {0.0, 0.4}) {
      bowl loss;
      double g0[3], g1[3], norm = 0, n1 = 0, dot = 0;
      const std::vector<double> start(loss.p.value().data, loss.p.value().data + 3);
      for (std::size_t i = 0; i < 3; ++i) {
        g0[i] = loss.h[i] * start[i];
        norm += std::pow(g0[i] * (adaptive ? start[i] : 1), 2);
      }
      for (std::size_t i = 0; i < 3; ++i) {
        const double e = 0.3 * (adaptive ? start[i] * start[i] : 1) * g0[i] / std::sqrt(norm);
        g1[i] = loss.h[i] * (start[i] + e);
        n1 += g1[i] * g1[i], dot += g0[i] * g1[i];
      }
      nn::sam optimiser(nn::sgd<double>(), {.radius = 0.3, .adaptive = adaptive, .alpha = alpha});
      optimiser.step({&loss.p}, {&loss.running}, 0.1, [&] { loss(); });
      for (std::size_t i = 0; i < 3; ++i) {
        const double g = g1[i] - alpha * (g0[i] - dot / n1 * g1[i]);
        CHECK(loss.p.value().data[i] == doctest::Approx(start[i] - 0.1 * g).epsilon(1e-12));
      }
      CHECK(loss.running.value().data[0] == 1);
      CHECK(loss.calls == 2);
    }
}

TEST_CASE("sam: without a gradient nothing moves, and a frozen parameter never does") {
  bowl loss;
  nn::parameter<double> frozen("frozen", {2});
  frozen.trainable = false;
  frozen.gradient().data[0] = 1;
  for (index i = 0; i < 3; ++i) loss.p.value().data[i] = 0;
  nn::sam optimiser(nn::sgd<double>({.momentum = 0.9}), {.radius = 0.3, .adaptive = true, .alpha = 0.3});
  for (int step = 0; step < 3; ++step) optimiser.step({&loss.p, &frozen}, {}, 0.1, [&] { loss(); });
  for (index i = 0; i < 3; ++i) CHECK(loss.p.value().data[i] == 0);
  CHECK(frozen.value().data[0] == 0);
}

TEST_CASE("sam: a gradient that cannot be had leaves parameters and buffers where they were") {
  nn::parameter<double> p("p", {2}), buffer("buffer", {1});
  p.value().data[0] = 3;
  nn::sam optimiser(nn::sgd<double>{}, {.radius = 0.5});
  CHECK(message_of([&] { optimiser.descend({&p}, 0.1); }) == "distill: sam: descend() without ascend() before it");
  int calls = 0;
  const auto add_gradients = [&] {
    p.gradient().data[0] += 1;
    buffer.value().data[0] += 1;
    if (++calls == 2) throw std::runtime_error("no data");
  };
  CHECK_THROWS_AS(optimiser.step({&p}, {&buffer}, 0.1, add_gradients), std::runtime_error);
  CHECK(p.value().data[0] == 3);
  CHECK(buffer.value().data[0] == 1);
}

TEST_CASE_TEMPLATE("clip_gradients: the common norm, the same bits for any thread count", T, float, double) {
  std::vector<T> expected;
  for (const int threads : {1, 2, 3}) {
    nn::parameter<T> a("a", {odd_size}), b("b", {20 * 16384, 7}), frozen("frozen", {3});
    frozen.trainable = false;
    double squares = 0;
    for (nn::parameter<T>* p : {&a, &b, &frozen})
      for (index i = 0; i < p->size(); ++i) {
        const T g = p->gradient().data[i] = coefficient<T>(i);
        if (p != &frozen) squares += static_cast<double>(g) * static_cast<double>(g);
      }
    const std::vector<nn::parameter<T>*> list{&a, &frozen, &b};
    CHECK(nn::clip_gradients(list, 1e9, {threads}) == doctest::Approx(std::sqrt(squares)).epsilon(1e-11));
    CHECK(a.gradient().data[5] == coefficient<T>(5));
    nn::clip_gradients(list, 0.5, {threads});
    CHECK(nn::clip_gradients(list, 0.5, {threads}) == doctest::Approx(0.5).epsilon(1e-6));
    CHECK(frozen.gradient().data[1] == coefficient<T>(1));
    const std::vector<T> clipped(a.gradient().data, a.gradient().data + odd_size);
    if (threads == 1) expected = clipped;
    CHECK(clipped == expected);
  }
}

TEST_CASE("clip_gradients: NaN and infinity are told and left alone; squares beyond float's range are not infinite") {
  nn::parameter<float> p("p", {40});
  const std::vector<nn::parameter<float>*> list{&p};
  for (index i = 0; i < 40; ++i) p.gradient().data[i] = 1e30f;
  CHECK(nn::clip_gradients(list, 1.0) == doctest::Approx(1e30 * std::sqrt(40.0)));
  CHECK(nn::clip_gradients(list, 10.0) == doctest::Approx(1));
  for (const float bad : {std::nanf(""), INFINITY}) {
    p.gradient().data[0] = 3;
    p.gradient().data[39] = bad;
    CHECK_FALSE(std::isfinite(nn::clip_gradients(list, 1.0)));
    CHECK(p.gradient().data[0] == 3);
  }
  nn::clip_gradient_values(list, 0.5);
  CHECK(p.gradient().data[0] == 0.5f);
  CHECK(p.gradient().data[39] == 0.5f);
  p.gradient().data[1] = -7;
  p.gradient().data[2] = std::nanf("");
  nn::clip_gradient_values(list, 0.5);
  CHECK(p.gradient().data[1] == -0.5f);
  CHECK(std::isnan(p.gradient().data[2]));
  CHECK(message_of([&] { nn::clip_gradients(list, 0.0); }) ==
        "distill: clip_gradients: largest_norm is 0, above 0 expected");
  CHECK_THROWS_AS(nn::clip_gradient_values(list, -1.0), argument_error);
  CHECK(nn::clip_gradients(std::vector<nn::parameter<float>*>{}, 1.0) == 0);
}

TEST_CASE("exponential_average: the formula, swapping in and out, equal weights stay what they are") {
  nn::parameter<double> p("p", {odd_size});
  const std::vector<nn::parameter<double>*> list{&p};
  nn::exponential_average<double> average;
  CHECK_THROWS_AS(average.swap(list), argument_error);
  p.value().data[7] = 1;
  average.update(list, 0.9, {2});
  CHECK(average.value(0).data[7] == 1);
  p.value().data[7] = 2;
  average.update(list, 0.9, {2});
  average.update(list, 0.5, {2});
  CHECK(average.value(0).data[7] == doctest::Approx(1.55));
  const double held = average.value(0).data[7];
  {
    const auto averaged = average.in_place_of(list);
    CHECK(p.value().data[7] == held);
  }
  CHECK(p.value().data[7] == 2);
  CHECK(average.value(0).data[7] == held);
  for (index i = 0; i < odd_size; ++i) p.value().data[i] = coefficient<double>(i);
  nn::exponential_average<double> same;
  for (int step = 0; step < 3; ++step) same.update(list, 0.7, {2});
  CHECK(std::memcmp(same.value(0).data, p.value().data, odd_size * sizeof(double)) == 0);

  nn::parameter<double> other("other", {2});
  CHECK(message_of([&] { average.update({&other}, 0.5); }) ==
        "distill: exponential_average: parameter 0 (other) is 2, it was 131077");
  CHECK_THROWS_AS(average.update({}, 0.5), argument_error);
  CHECK_THROWS_AS(average.update(list, 1.5), argument_error);
  CHECK_THROWS_AS(average.value(1), argument_error);
}

static_assert(nn::has_memory<nn::adamw<float>, float>);
static_assert(nn::has_memory<nn::sam<float, nn::sgd<float>>, float>);

TEST_CASE("exponential_average: what is saved goes on, before and after the first update") {
  nn::parameter<double> p("p", {2});
  const std::vector<nn::parameter<double>*> list{&p};
  for (const int updates : {0, 2}) {
    nn::exponential_average<double> one, other;
    p.value().data[1] = 4;
    for (int i = 0; i < updates; ++i) one.update(list, 0.5);
    std::vector<double> numbers;
    index count = 0;
    const auto save = [&](const std::string& name, auto&& part) {
      if constexpr (requires { part.shape; }) {
        CHECK(name == "p.average");
        numbers.assign(part.data, part.data + part.size());
      } else {
        CHECK(name == "updates");
        count = static_cast<index>(part);
      }
    };
    const auto load = [&](const std::string&, auto&& part) {
      if constexpr (requires { part.shape; })
        std::copy(numbers.begin(), numbers.end(), part.data);
      else
        part = static_cast<std::remove_reference_t<decltype(part)>>(count);
    };
    one.visit_memory(list, save);
    if (updates == 0) CHECK_THROWS_AS(one.swap(list), argument_error);
    other.visit_memory(list, load);
    p.value().data[1] = 8;
    one.update(list, 0.5);
    other.update(list, 0.5);
    CHECK(one.value(0).data[1] == (updates == 0 ? 8 : 6));
    CHECK(other.value(0).data[1] == one.value(0).data[1]);
  }
}

TEST_CASE("schedules: constant, stairs, a slow start") {
  CHECK(nn::constant_schedule{0.3}(1000) == 0.3);
  const nn::step_schedule stairs{.first = 2, .every = 10, .factor = 0.5};
  CHECK(stairs(0) == 2);
  CHECK(stairs(9) == 2);
  CHECK(stairs(10) == 1);
  CHECK(stairs(35) == 0.25);
  const nn::warm_up slow{4, stairs};
  CHECK(slow(0) == 0.5);
  CHECK(slow(3) == 2);
  CHECK(slow(13) == 2);
  CHECK(slow(14) == 1);
  CHECK(nn::warm_up{0, stairs}(10) == 1);
  CHECK_THROWS_AS(nn::constant_schedule{}(-1), argument_error);
  CHECK_THROWS_AS(stairs(-1), argument_error);
  CHECK_THROWS_AS((nn::step_schedule{.every = 0}(1)), argument_error);
  CHECK_THROWS_AS(slow(-1), argument_error);
  CHECK_THROWS_AS((nn::warm_up{-1, stairs}(0)), argument_error);
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
