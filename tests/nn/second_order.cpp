// Hessian-vector and mixed products: every layer against differences, methods against closed forms.
#include <distill/nn/second_order.hpp>

#include <distill/nn/concatenate.hpp>
#include <distill/nn/conv2d.hpp>
#include <distill/nn/criterion.hpp>
#include <distill/nn/dropout.hpp>
#include <distill/nn/embedding.hpp>
#include <distill/nn/gelu.hpp>
#include <distill/nn/layer_norm.hpp>
#include <distill/nn/linear.hpp>
#include <distill/nn/log_softmax.hpp>
#include <distill/nn/max_pool.hpp>
#include <distill/nn/mean_over_tokens.hpp>
#include <distill/nn/parameter_list.hpp>
#include <distill/nn/pixels_to_tokens.hpp>
#include <distill/nn/position_embedding.hpp>
#include <distill/nn/relu.hpp>
#include <distill/nn/residual.hpp>
#include <distill/nn/sequential.hpp>
#include <distill/nn/sigmoid.hpp>
#include <distill/nn/silu.hpp>
#include <distill/nn/softmax.hpp>
#include <distill/nn/tanh.hpp>
#include <distill/nn/unrolled.hpp>
#include <distill/objective/cross_entropy.hpp>
#include <distill/objective/soft_cross_entropy.hpp>

#include "support.hpp"

namespace nn_tests {
namespace {

using number = distill::dual<double>;
using numbers = std::vector<double>;

/// (8 (f(h) − f(−h)) − (f(2h) − f(−2h))) / 12h of a function whose values are arrays.
template <class F>
numbers slope_of(const F& f, double h) {
  const numbers a = f(h), b = f(-h), c = f(2 * h), d = f(-2 * h);
  numbers result(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) result[i] = (8 * (a[i] - b[i]) - (c[i] - d[i])) / (12 * h);
  return result;
}

double distance(const numbers& a, const numbers& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0, largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    worst = std::isnan(a[i]) || std::isnan(b[i]) ? INFINITY : std::max(worst, std::abs(a[i] - b[i]));
    largest = std::max(largest, std::abs(b[i]));
  }
  return worst / largest;
}

numbers random_numbers(index size, std::uint64_t seed) {
  const nn::tensor<double> x = random_tensor<double>({size}, seed);
  return {x.data(), x.data() + size};
}

nn::tensor_view<const double> view(const numbers& x, const nn::tensor_shape& shape) { return {x.data(), shape}; }

/// A network over any number, together with its twin, and a point at which both stand.
struct pair_of_networks {
  nn::sequential<double> model;
  nn::sequential<number> twin;
  nn::second_order<double> second;
  std::vector<nn::parameter<double>*> parameters;
  numbers theta;

  template <class Build>
  explicit pair_of_networks(const Build& build)
      : model(build.template operator()<double>()),
        twin(build.template operator()<number>()),
        second(model, twin),
        parameters(model.parameters()) {
    theta = random_numbers(second.size(), 21);
    for (double& x : theta) x *= 0.5;
    nn::assign_values(parameters, theta);
  }
};

/// The slopes of both gradients along (v, u) against differences of gradients; the loss is quadratic in the output.
template <class Build>
void check_products(const char* what, const Build& build, const nn::tensor_shape& shape, double h = 1e-3,
                    bool ids = false) {
  CAPTURE(what);
  pair_of_networks both(build);
  const index size = shape.size();
  numbers x = random_numbers(size, 5), u = random_numbers(size, 6);
  const numbers v = random_numbers(both.second.size(), 7);
  if (ids)
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i * i % 5), u[i] = 0;

  nn::tape<double> tape({2});
  const auto gradients = [&](double t) {
    numbers at = both.theta, input = x;
    for (std::size_t i = 0; i < at.size(); ++i) at[i] += t * v[i];
    for (std::size_t i = 0; i < input.size(); ++i) input[i] += t * u[i];
    nn::assign_values(both.parameters, at);
    nn::zero_gradients(both.parameters);
    tape.reset();
    tape.train(3);
    const nn::variable in = tape.differentiable(view(input, shape));
    quadratic_loss(tape, both.model.forward(tape, in));
    tape.backward();
    numbers result = nn::flat_gradients(both.parameters);
    if (!ids) result.insert(result.end(), tape.gradient(in).data, tape.gradient(in).data + size);
    return result;
  };
  const numbers expected = slope_of(gradients, h), plain = gradients(0);

  nn::tape<number> lifted({2});
  lifted.train(3);
  both.second.at(v);
  const nn::tensor<number> xu = nn::lift(view(x, shape), view(u, shape));
  const nn::variable in = lifted.differentiable(xu.view());
  quadratic_loss(lifted, both.twin.forward(lifted, in));
  lifted.backward();
  numbers product(static_cast<std::size_t>(both.second.size() + (ids ? 0 : size))), gradient(product.size());
  const std::size_t parameters = both.theta.size();
  both.second.product(std::span(product).first(parameters));
  both.second.gradient(std::span(gradient).first(parameters));
  if (!ids) {
    nn::copy_slopes(nn::tensor_view<const number>(lifted.gradient(in)), std::span(product).subspan(parameters));
    for (index i = 0; i < size; ++i)
      gradient[parameters + static_cast<std::size_t>(i)] = lifted.gradient(in).data[i].value;
  }
  CHECK(distance(gradient, plain) < 1e-13);
  CHECK(distance(product, expected) < 2e-10);
}

/// Wraps a function of one variable as a layer.
template <class T, class F>
class calling : public nn::layer<T> {
 public:
  explicit calling(const F& f) : nn::layer<T>("calling"), f_(f) {}
  nn::variable forward(nn::tape<T>& t, nn::variable input) const override { return f_(t, input); }

 private:
  F f_;
};
template <class T, class F>
calling<T, F> call(const F& f) {
  return calling<T, F>(f);
}

}  // namespace

TEST_CASE("second order: through linear and every activation") {
  check_products(
      "linear, tanh, sigmoid",
      []<class T>() {
        nn::sequential<T> m;
        m.add(nn::linear<T>{4, 5, 1});
        m.add(nn::tanh<T>{});
        m.add(nn::linear<T>{5, 5, 2});
        m.add(nn::sigmoid<T>{});
        m.add(nn::linear<T>{5, 3, 3});
        return m;
      },
      {3, 4});
  check_products(
      "gelu, silu, softmax",
      []<class T>() {
        nn::sequential<T> m;
        m.add(nn::linear<T>{4, 5, 1});
        m.add(nn::gelu<T>{});
        m.add(nn::linear<T>{5, 6, 2});
        m.add(nn::silu<T>{});
        m.add(nn::softmax<T>{});
        m.add(nn::linear<T>{6, 3, 3});
        m.add(nn::log_softmax<T>{});
        return m;
      },
      {3, 4});
  check_products(
      "relu",
      []<class T>() {
        nn::sequential<T> m;
        m.add(nn::linear<T>{4, 6, 1});
        m.add(nn::relu<T>{});
        m.add(nn::linear<T>{6, 3, 3});
        return m;
      },
      {5, 4}, 1e-4);
}

TEST_CASE("second order: through convolutions of every kind, and pooling") {
  for (const nn::conv2d_options options : {nn::conv2d_options{.padding = 1}, nn::conv2d_options{.stride = 2},
                                           nn::conv2d_options{.padding = 1, .groups = 2},
                                           nn::conv2d_options{.padding = 1, .groups = 4}})
    check_products(
        "conv2d, tanh, conv2d",
        [options]<class T>() {
          nn::sequential<T> m;
          m.add(nn::conv2d<T>{4, 4, 3, 1, options});
          m.add(nn::tanh<T>{});
          m.add(nn::conv2d<T>{4, 2, 1, 2});
          return m;
        },
        {2, 4, 5, 6});
  check_products(
      "conv2d, max_pool, conv2d",
      []<class T>() {
        nn::sequential<T> m;
        m.add(nn::conv2d<T>{1, 3, 3, 1});
        m.add(nn::tanh<T>{});
        m.add(nn::max_pool<T>{});
        m.add(nn::conv2d<T>{3, 2, 2, 2});
        return m;
      },
      {2, 1, 6, 6}, 1e-4);
}

TEST_CASE("second order: through norms, dropout, residuals, tokens and embeddings") {
  check_products(
      "layer_norm, dropout, residual, concatenate",
      []<class T>() {
        nn::sequential<T> m, branch;
        branch.add(nn::layer_norm<T>{6});
        branch.add(nn::linear<T>{6, 6, 1});
        branch.add(nn::gelu<T>{});
        m.add(nn::residual<T>{std::move(branch)});
        m.add(nn::dropout<T>{0.3, 4});
        m.add(call<T>([](nn::tape<T>& t, nn::variable x) { return nn::concatenate<T>(t, std::array{x, x}); }));
        m.add(nn::linear<T>{12, 2, 2});
        return m;
      },
      {4, 6});
  check_products(
      "embedding, position_embedding, layer_norm, mean_over_tokens",
      []<class T>() {
        nn::sequential<T> m;
        m.add(nn::embedding<T>{5, 4, 1});
        m.add(nn::position_embedding<T>{3, 4, 2});
        m.add(nn::layer_norm<T>{4});
        m.add(nn::mean_over_tokens<T>{});
        m.add(nn::linear<T>{4, 2, 3});
        return m;
      },
      {4, 3}, 1e-3, true);
}

namespace {

/// y = tanh(x W₁ + b₁) W₂ + b₂
struct build_mlp {
  index inputs, hidden, outputs;
  template <class T>
  nn::sequential<T> operator()() const {
    nn::sequential<T> m;
    m.add(nn::linear<T>{inputs, hidden, 1});
    m.add(nn::tanh<T>{});
    m.add(nn::linear<T>{hidden, outputs, 2});
    return m;
  }
};

}  // namespace

TEST_CASE("second order: a penalty on input gradients has its closed form (AST)") {
  constexpr std::size_t batch = 4, d = 5, hidden = 6, classes = 3;
  pair_of_networks both(build_mlp{d, hidden, classes});
  const numbers x = random_numbers(batch * d, 5);
  const nn::tensor_shape shape{batch, d};
  // GP = 2 mean_b (‖g_b‖ − 1)², g = ∂(Σ logits)/∂x
  nn::tape<double> tape;
  const nn::variable in = tape.differentiable(view(x, shape));
  tape.backward(both.model.forward(tape, in));
  const double* g = tape.gradient(in).data;
  numbers v(batch * d);  // ∂GP/∂g
  for (std::size_t b = 0; b < batch; ++b) {
    double norm = 0;
    for (std::size_t i = 0; i < d; ++i) norm += g[b * d + i] * g[b * d + i];
    norm = std::sqrt(norm);
    for (std::size_t i = 0; i < d; ++i) v[b * d + i] = 4 * (norm - 1) * g[b * d + i] / (norm * batch);
  }
  both.second.at();
  nn::tape<number> lifted;
  const nn::tensor<number> xv = nn::lift(view(x, shape), view(v, shape));
  lifted.backward(both.twin.forward(lifted, lifted.constant(xv.view())));
  nn::zero_gradients(both.parameters);
  both.second.add_product(0.5);
  both.second.add_product(0.5);

  numbers expected(both.theta.size());
  const double *w1 = both.theta.data(), *b1 = w1 + d * hidden, *w2 = b1 + hidden;
  for (std::size_t b = 0; b < batch; ++b)
    for (std::size_t h = 0; h < hidden; ++h) {
      double in_h = b1[h], along = 0, out = 0;
      for (std::size_t i = 0; i < d; ++i) {
        in_h += x[b * d + i] * w1[i * hidden + h];
        along += v[b * d + i] * w1[i * hidden + h];
      }
      for (std::size_t c = 0; c < classes; ++c) out += w2[h * classes + c];
      const double a = std::tanh(in_h), first = 1 - a * a, second = -2 * a * first;
      for (std::size_t i = 0; i < d; ++i)
        expected[i * hidden + h] += v[b * d + i] * first * out + x[b * d + i] * second * out * along;
      expected[d * hidden + h] += second * out * along;
      for (std::size_t c = 0; c < classes; ++c) expected[d * hidden + hidden + h * classes + c] += first * along;
    }
  CHECK(distance(nn::flat_gradients(both.parameters), expected) < 1e-14);
}

TEST_CASE("second order: the twin must be one, and what is frozen stays") {
  pair_of_networks both(build_mlp{3, 4, 2});
  nn::sequential<number> other = build_mlp{3, 5, 2}.operator()<number>(), less;
  less.add(nn::linear<number>{3, 4, 1});
  CHECK(message_of([&] { nn::second_order<double>(both.model, other); }) ==
        "distill: second_order: number 0 of the parameters is 0.weight (3×5) in the twin, 0.weight (3×4) in the model");
  CHECK(message_of([&] { nn::second_order<double>(both.model, less); }) ==
        "distill: second_order: the twin has 2 parameters, the model has 4");
  numbers wrong(3);
  CHECK_THROWS_AS(both.second.at(wrong), argument_error);
  CHECK_THROWS_AS(both.second.at(wrong, {}), argument_error);
  CHECK_THROWS_AS(both.second.product(wrong), argument_error);
  const nn::tensor<number> two({2});
  CHECK_THROWS_AS(nn::lift(view(wrong, {3}), {}, two.view()), argument_error);
  CHECK_THROWS_AS(nn::lift(view(wrong, {3}), view(wrong, {2})), argument_error);
  CHECK_THROWS_AS(nn::copy_slopes(nn::tensor_view<const number>(two.view()), std::span(wrong)), argument_error);

  nn::freeze(both.parameters, "0");
  const numbers v = random_numbers(both.second.size(), 1);
  both.second.at(v);
  nn::tape<number> tape;
  const numbers x = random_numbers(6, 5);
  const nn::tensor<number> lifted = nn::lift(view(x, {2, 3}));
  quadratic_loss(tape, both.twin.forward(tape, tape.constant(lifted.view())));
  tape.backward();
  numbers h(v.size());
  both.second.product(h);
  for (std::size_t i = 0; i < 16; ++i) CHECK(h[i] == 0);
  CHECK(h[16] != 0);
}

}  // namespace nn_tests
