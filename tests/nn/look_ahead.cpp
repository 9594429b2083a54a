// A step that is tried and what another loss says of it, beside differences of the whole step; leaky_relu on the way.
#include <distill/nn/batch_norm.hpp>
#include <distill/nn/criterion.hpp>
#include <distill/nn/dropout.hpp>
#include <distill/nn/gradient_check.hpp>
#include <distill/nn/leaky_relu.hpp>
#include <distill/nn/linear.hpp>
#include <distill/nn/look_ahead.hpp>
#include <distill/nn/sgd.hpp>
#include <distill/nn/tanh.hpp>
#include <distill/objective/cross_entropy.hpp>

#include <limits>
#include <numeric>
#include <optional>

#include "support.hpp"

namespace nn_tests {
namespace {

using distill::dual;
using distill::row_parameter;
using numbers = std::vector<double>;

template <class T>
nn::sequential<T> smooth() {
  nn::sequential<T> m;
  m.add(nn::linear<T>{4, 6, 1});
  m.add(nn::batch_norm<T>{6});
  m.add(nn::tanh<T>{});
  m.add(nn::dropout<T>{0.25, 3});
  m.add(nn::linear<T>{6, 3, 2});
  return m;
}
template <class T>
nn::sequential<T> kinked() {
  nn::sequential<T> m;
  m.add(nn::linear<T>{4, 6, 1});
  m.add(nn::leaky_relu<T>{});
  m.add(nn::linear<T>{6, 3, 2});
  return m;
}

const nn::tensor<double> seen = random_tensor<double>({9, 4}, 5), unseen = random_tensor<double>({5, 4}, 6);
const std::vector<int> seen_y{0, 1, 2, 1, 0, 2, 2, 0, 1}, unseen_y{2, 2, 0, 1, 0};
constexpr double rate = 0.3;

}  // namespace

TEST_CASE_TEMPLATE("leaky_relu: a hundredth below 0, NaN and infinities stay", T, float, double) {
  constexpr T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  nn::tape<T> tape;
  const std::vector<T> in{-inf, -100, -1, T(-0.0), 0, T(0.5), 3, inf, nan};
  const std::vector<T> out{-inf, -1, T(-0.01), 0, 0, T(0.5), 3, inf, nan};
  const std::vector<T> slope{T(0.01), T(0.01), T(0.01), T(0.01), T(0.01), 1, 1, 1, T(0.01)};
  const nn::variable input = tape.differentiable({in.data(), {9}}), output = nn::leaky_relu<T>().forward(tape, input);
  tape.backward(output);
  for (std::size_t i = 0; i < in.size(); ++i) {
    CAPTURE(i);
    const T got = tape.value(output).data[i];
    CHECK((std::isnan(out[i]) ? std::isnan(got) : got == out[i]));
    CHECK(tape.gradient(input).data[i] == slope[i]);
  }
  nn::leaky_relu<double> layer;
  const nn::gradient_report report = nn::gradient_check(layer, random_tensor<double>({3, 7}, 2).view());
  CHECK_MESSAGE(report.worst <= 1e-9, report.text());
}

TEST_CASE("directional_derivative: differences and the twin agree, learning and in use") {
  nn::tape<double> tape;
  const auto both = [&](auto model, auto twin, double bound) {
    const auto parameters = model.parameters();
    const index size = nn::count_elements(parameters);
    nn::tensor<double> v = random_tensor<double>({size}, 7);
    nn::directional_derivative<double> differences(model), exact(model, &twin);
    for (const bool training : {true, false})
      for (const double scale : {1.0, 1e-9, 1e9}) {
        numbers a(27), b(27), scaled(v.data(), v.data() + size);
        for (double& e : scaled) e *= scale;
        if (training) tape.train(11);
        if (!training) tape.evaluate();
        differences(tape, seen.view(), scaled, a);
        exact(tape, seen.view(), scaled, b);
        CHECK(distance(a, b) <= bound);
        tape.reset();
      }
    numbers none(static_cast<std::size_t>(size)), to(27, 5.0), wrong(26);
    differences(tape, seen.view(), none, to);
    CHECK(to == numbers(27));
    exact(tape, seen.view(), none, to);
    CHECK(to == numbers(27));
    CHECK(message_of([&] { differences(tape, seen.view(), wrong, to); }) ==
          "distill: directional_derivative: v has 26 elements, the parameters have " + std::to_string(size));
    CHECK(message_of([&] { differences(tape, seen.view(), none, wrong); }) ==
          "distill: directional_derivative: to has 26 elements, the output has 27");
    CHECK(message_of([&] { exact(tape, seen.view(), none, wrong); }) ==
          "distill: copy_slopes: to has 26 elements, x has 27");
  };
  both(smooth<double>(), smooth<dual<double>>(), 1e-8);
  both(kinked<double>(), kinked<dual<double>>(), 1e-8);
}

TEST_CASE("look_ahead: dJ/dw of every row against differences of the whole step, and nothing is touched") {
  nn::sequential<double> model = smooth<double>();
  nn::sequential<dual<double>> twin = smooth<dual<double>>();
  const auto parameters = model.parameters(), buffers = model.buffers();
  parameters[1]->trainable = false;  // a bias that is not to move
  numbers weights(9);
  for (std::size_t i = 0; i < 9; ++i) weights[i] = 0.3 + 0.1 * static_cast<double>(i);
  nn::criterion<double, distill::cross_entropy> loss{distill::cross_entropy{}};
  const auto run = [&](nn::tape<double>& on, const nn::tensor<double>& in, const std::vector<int>& labels,
                       const row_parameter& share) {
    const nn::variable logits = model.forward(on, on.constant(in.view()));
    return loss(on, logits, {.labels = labels, .options = {.weights = share}}).value;
  };
  const numbers theta = nn::flat_values(parameters), statistics = nn::flat_values(buffers);
  const auto outer_after = [&](const numbers& w) {  // the step itself, by other means
    nn::tape<double> tape;
    tape.train(11);
    nn::zero_gradients(parameters);
    run(tape, seen, seen_y, w);
    tape.backward();
    nn::sgd<double>().step(parameters, rate);
    tape.reset();
    tape.evaluate();
    nn::assign_values(buffers, statistics);
    const double outer = run(tape, unseen, unseen_y, 1);
    nn::assign_values(parameters, theta);
    return outer;
  };
  numbers differences, pull(27);
  for (std::size_t i = 0; i < 9; ++i) {
    const auto moved = [&](double by) {
      numbers w = weights;
      w[i] += by;
      return outer_after(w);
    };
    constexpr double h = 1e-3;
    differences.push_back((8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12 * h));
  }
  for (nn::parameter<double>* p : parameters) std::fill_n(p->gradient().data, p->size(), 3.0);
  nn::tape<double> tape;
  tape.train(11);
  const nn::tensor_view<const double> z = tape.value(model.forward(tape, tape.constant(seen.view())));
  distill::value_and_gradient(distill::cross_entropy{}, distill::batch<double>{.student = z.matrix(), .labels = seen_y},
                              {.student = matrix_view<double>(pull.data(), 9, 3)},
                              {.reduction = distill::reduction::sum()});
  nn::assign_values(buffers, statistics);
  for (nn::layer<dual<double>>* exact :
       {static_cast<nn::layer<dual<double>>*>(nullptr), static_cast<nn::layer<dual<double>>*>(&twin)}) {
    nn::look_ahead<double> ahead(model, exact);
    numbers slopes(27), found;
    for (int again = 0; again < 2; ++again) {
      const double outer = ahead(
          tape, rate, seen.view(), [&](auto& on) { return run(on, seen, seen_y, weights); },
          [&](auto& on) { return run(on, unseen, unseen_y, 1); }, slopes);
      found.clear();
      for (std::size_t i = 0; i < 9; ++i)
        found.push_back(-rate / 9 * std::inner_product(&slopes[3 * i], &slopes[3 * i] + 3, &pull[3 * i], 0.0));
      CHECK(distance(found, differences) <= (exact ? 1e-9 : 1e-8));
      CHECK(nn::flat_values(parameters) == theta);
      CHECK(nn::flat_values(buffers) == statistics);
      CHECK(nn::flat_gradients(parameters) == numbers(theta.size(), 3.0));
      CHECK(tape.noise() == 11);
      nn::assign_values(parameters, theta);
      CHECK(outer == doctest::Approx(outer_after(weights)).epsilon(1e-13));
      for (nn::parameter<double>* p : parameters) std::fill_n(p->gradient().data, p->size(), 3.0);
    }
  }
  nn::sequential<dual<double>> other = kinked<dual<double>>();
  CHECK(message_of([&] { nn::look_ahead<double>(model, &other); }) ==
        "distill: second_order: the twin has 4 parameters, the model has 6");
}

}  // namespace nn_tests
