// Hessian-vector and mixed products: every layer against differences, methods against closed forms.
#include <distill/nn/second_order.hpp>

#include <distill/nn/average_pool.hpp>
#include <distill/nn/batch_norm.hpp>
#include <distill/nn/concatenate.hpp>
#include <distill/nn/conv2d.hpp>
#include <distill/nn/criterion.hpp>
#include <distill/nn/dropout.hpp>
#include <distill/nn/embedding.hpp>
#include <distill/nn/gelu.hpp>
#include <distill/nn/global_average_pool.hpp>
#include <distill/nn/layer_norm.hpp>
#include <distill/nn/linear.hpp>
#include <distill/nn/log_softmax.hpp>
#include <distill/nn/max_pool.hpp>
#include <distill/nn/mean_over_tokens.hpp>
#include <distill/nn/multi_head_self_attention.hpp>
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
void check_products(const char* what, const Build& build, const nn::tensor_shape& shape, double h = 1e-4,
                    bool ids = false) {
  CAPTURE(std::string(what));
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
  check_products("linear, tanh, sigmoid",
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
  check_products("gelu, silu, softmax",
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
      {5, 4}, 1e-5);
}

TEST_CASE("second order: through convolutions of every kind, and pooling") {
  for (const nn::conv2d_options options :
       {nn::conv2d_options{.padding = 1}, nn::conv2d_options{.stride = 2},
        nn::conv2d_options{.padding = 1, .groups = 2}, nn::conv2d_options{.padding = 1, .groups = 4}})
    check_products("conv2d, tanh, conv2d",
                   [options]<class T>() {
                     nn::sequential<T> m;
                     m.add(nn::conv2d<T>{4, 4, 3, 1, options});
                     m.add(nn::tanh<T>{});
                     m.add(nn::conv2d<T>{4, 2, 1, 2});
                     return m;
                   },
                   {2, 4, 5, 6});
  check_products("conv2d, batch_norm, average_pool, global_average_pool",
                 []<class T>() {
                   nn::sequential<T> m;
                   m.add(nn::conv2d<T>{2, 4, 3, 1});
                   m.add(nn::batch_norm<T>{4});
                   m.add(nn::sigmoid<T>{});
                   m.add(nn::average_pool<T>{2});
                   m.add(nn::global_average_pool<T>{});
                   return m;
                 },
                 {3, 2, 6, 6});
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
      {2, 1, 6, 6}, 1e-5);
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
  check_products("attention",
                 []<class T>() {
                   nn::sequential<T> m;
                   m.add(nn::multi_head_self_attention<T>{4, 2, 1});
                   return m;
                 },
                 {2, 3, 4});
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
      {4, 3}, 1e-4, true);
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

TEST_CASE("second order: the Hessian of a linear softmax classifier has its closed form") {
  constexpr std::size_t batch = 5, d = 4, classes = 3;
  pair_of_networks both([]<class T>() {
    nn::sequential<T> m;
    m.add(nn::linear<T>{d, classes, 1});
    return m;
  });
  const numbers x = random_numbers(batch * d, 5), v = random_numbers(both.second.size(), 6);
  const numbers labels = random_numbers(batch * classes, 9);  // which the Hessian does not depend on
  both.second.at(v);
  nn::tape<number> tape;
  nn::criterion<number, distill::soft_cross_entropy> criterion{distill::soft_cross_entropy{}};
  const nn::tensor<number> in = nn::lift(view(x, {batch, d})), soft = nn::lift(view(labels, {batch, classes}));
  const auto loss =
      criterion(tape, both.twin.forward(tape, tape.constant(in.view())), {.teacher = soft.view().matrix()});
  tape.backward();
  numbers product(v.size()), gradient(v.size()), expected(v.size());
  both.second.product(product);
  both.second.gradient(gradient);
  double along = 0;  // the slope of the loss is ⟨∇L, v⟩
  for (std::size_t i = 0; i < v.size(); ++i) along += gradient[i] * v[i];
  CHECK(loss.value.slope == doctest::Approx(along).epsilon(1e-13));
  for (std::size_t b = 0; b < batch; ++b) {  // (diag q − q qᵀ) ⊗ x xᵀ, the bias as an input that is 1
    double q[classes], to_z[classes], total = 0, mean = 0;
    for (std::size_t c = 0; c < classes; ++c) {
      double z = both.theta[d * classes + c];
      to_z[c] = v[d * classes + c];
      for (std::size_t i = 0; i < d; ++i) {
        z += x[b * d + i] * both.theta[i * classes + c];
        to_z[c] += x[b * d + i] * v[i * classes + c];
      }
      total += q[c] = std::exp(z);
    }
    for (std::size_t c = 0; c < classes; ++c) mean += (q[c] /= total) * to_z[c];
    for (std::size_t c = 0; c < classes; ++c) {
      const double h = q[c] * (to_z[c] - mean) / batch;
      for (std::size_t i = 0; i < d; ++i) expected[i * classes + c] += x[b * d + i] * h;
      expected[d * classes + c] += h;
    }
  }
  CHECK(distance(product, expected) < 1e-14);
}

TEST_CASE("second order: training on input gradients has its closed form (KDIGA)") {
  constexpr std::size_t batch = 4, d = 5, hidden = 6, classes = 3;
  pair_of_networks both(build_mlp{d, hidden, classes});
  nn::sequential<double> teacher = build_mlp{d, 7, classes}.operator()<double>();
  const nn::tensor_shape shape{batch, d};
  const numbers x = random_numbers(batch * d, 5);
  const std::size_t labels[] = {0, 2, 1, 1};
  numbers logits(batch * classes, -INFINITY);  // of these labels
  for (std::size_t b = 0; b < batch; ++b) logits[b * classes + labels[b]] = 0;
  const nn::criterion_targets<double> targets{.teacher = view(logits, {batch, classes}).matrix(),
                                              .options = {.reduction = distill::reduction::sum()}};
  nn::criterion<double, distill::soft_cross_entropy> criterion{distill::soft_cross_entropy{}};
  const auto input_gradient = [&](const nn::sequential<double>& model) {
    nn::tape<double> tape;
    const nn::variable in = tape.differentiable(view(x, shape));
    criterion(tape, model.forward(tape, in), targets);
    tape.backward();
    return numbers(tape.gradient(in).data, tape.gradient(in).data + x.size());
  };
  // Φ = mean_b ‖G_S − G_T‖²
  const numbers of_teacher = input_gradient(teacher);
  const auto phi = [&] {
    const numbers g = input_gradient(both.model);
    double sum = 0;
    for (std::size_t i = 0; i < g.size(); ++i) sum += (g[i] - of_teacher[i]) * (g[i] - of_teacher[i]) / batch;
    return sum;
  };
  numbers v = input_gradient(both.model);
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = 2 * (v[i] - of_teacher[i]) / batch;

  both.second.at();
  nn::tape<number> lifted;
  const nn::tensor<number> xv = nn::lift(view(x, shape), view(v, shape));
  nn::criterion<number, distill::soft_cross_entropy> twins{distill::soft_cross_entropy{}};
  const nn::tensor<number> fixed = nn::lift(view(logits, {batch, classes}));
  twins(lifted, both.twin.forward(lifted, lifted.constant(xv.view())),
        {.teacher = fixed.view().matrix(), .options = {.reduction = distill::reduction::sum()}});
  lifted.backward();
  numbers product(both.theta.size()), expected(product.size());
  both.second.product(product);

  const double *w1 = both.theta.data(), *b1 = w1 + d * hidden, *w2 = b1 + hidden, *b2 = w2 + hidden * classes;
  double *gw1 = expected.data(), *gb1 = gw1 + d * hidden, *gw2 = gb1 + hidden, *gb2 = gw2 + hidden * classes;
  for (std::size_t b = 0; b < batch; ++b) {
    double a[hidden], ra[hidden], dz[classes], rdz[classes], rz[classes], total = 0, mean = 0;
    for (std::size_t h = 0; h < hidden; ++h) {
      double in = b1[h], rh = 0;
      for (std::size_t i = 0; i < d; ++i) {
        in += x[b * d + i] * w1[i * hidden + h];
        rh += v[b * d + i] * w1[i * hidden + h];
      }
      a[h] = std::tanh(in);
      ra[h] = (1 - a[h] * a[h]) * rh;
    }
    for (std::size_t c = 0; c < classes; ++c) {
      double z = b2[c];
      rz[c] = 0;
      for (std::size_t h = 0; h < hidden; ++h) {
        z += a[h] * w2[h * classes + c];
        rz[c] += ra[h] * w2[h * classes + c];
      }
      total += dz[c] = std::exp(z);
    }
    for (std::size_t c = 0; c < classes; ++c) mean += (dz[c] /= total) * rz[c];
    for (std::size_t c = 0; c < classes; ++c) {
      rdz[c] = dz[c] * (rz[c] - mean);
      dz[c] -= labels[b] == c ? 1 : 0;
      gb2[c] += rdz[c];
    }
    for (std::size_t h = 0; h < hidden; ++h) {
      double da = 0, rda = 0;
      for (std::size_t c = 0; c < classes; ++c) {
        da += dz[c] * w2[h * classes + c];
        rda += rdz[c] * w2[h * classes + c];
        gw2[h * classes + c] += rdz[c] * a[h] + dz[c] * ra[h];
      }
      const double dh = da * (1 - a[h] * a[h]), rdh = rda * (1 - a[h] * a[h]) - 2 * da * a[h] * ra[h];
      gb1[h] += rdh;
      for (std::size_t i = 0; i < d; ++i) gw1[i * hidden + h] += rdh * x[b * d + i] + dh * v[b * d + i];
    }
  }
  CHECK(distance(product, expected) < 1e-14);

  const numbers direction = random_numbers(both.second.size(), 8);
  const auto moved = [&](double t) {
    numbers at = both.theta;
    for (std::size_t i = 0; i < at.size(); ++i) at[i] += t * direction[i];
    nn::assign_values(both.parameters, at);
    return numbers{phi()};
  };
  double along = 0;
  for (std::size_t i = 0; i < product.size(); ++i) along += product[i] * direction[i];
  CHECK(along == doctest::Approx(slope_of(moved, 1e-3)[0]).epsilon(1e-8));
}

namespace {

/// Trajectory matching on images X, label logits Y and a step size η: twenty inner steps, three samples at a time.
struct matching {
  static constexpr index inputs = 4, hidden = 5, classes = 3, samples = 6, chunk = 3, steps = 20, half = steps / 2;
  static constexpr double momentum = 0.8, kappa = 1.3, weight = 0.5;

  pair_of_networks both{build_mlp{inputs, hidden, classes}};
  numbers x = random_numbers(samples * inputs, 5), y = random_numbers(samples * classes, 6);
  double eta = 0.1;
  numbers target = random_numbers(both.second.size(), 30), middle = random_numbers(both.second.size(), 31);
  double scale = 40;  // the denominators
  nn::unrolled<double> inner{both.second.size(), steps, momentum};
  nn::tape<double> tape;
  nn::tape<number> lifted;
  nn::criterion<double, distill::soft_cross_entropy> criterion{distill::soft_cross_entropy{}};
  nn::criterion<number, distill::soft_cross_entropy> twins{distill::soft_cross_entropy{}};

  static std::size_t first(index j) { return static_cast<std::size_t>(j % 2 * chunk); }
  static nn::tensor_view<const double> rows(const numbers& of, index j, index width) {
    return {of.data() + first(j) * static_cast<std::size_t>(width), {chunk, width}};
  }
  double loss() {
    inner.run(both.theta, eta, [&](index j, std::span<const double> theta, std::span<double> to) {
      std::fill(to.begin(), to.end(), 0.0);
      const nn::tensor_shape flat{both.second.size()};
      const auto scope = tape.substitute(both.parameters, {theta.data(), flat}, {to.data(), flat});
      criterion(tape, both.model.forward(tape, tape.constant(rows(x, j, inputs))),
                {.teacher = rows(y, j, classes).matrix(), .options = {.upstream = kappa}});
      tape.backward();
      tape.reset();
    });
    double sum = 0;
    for (std::size_t i = 0; i < target.size(); ++i)
      sum += std::pow(inner.point(steps)[i] - target[i], 2) + weight * std::pow(inner.point(half)[i] - middle[i], 2);
    return sum / scale;
  }

  /// dL/dθ_0, dL/dX, dL/dY, dL/dη, after loss()
  numbers gradients() {
    numbers adjoint(target.size()), to_x(x.size()), to_y(y.size());
    for (std::size_t i = 0; i < target.size(); ++i) adjoint[i] = 2 * (inner.point(steps)[i] - target[i]) / scale;
    const double to_eta = inner.differentiate(
        adjoint,
        [&](index j, std::span<const double> theta, std::span<const double> u, std::span<double> to) {
          both.second.at(theta, u);
          const nn::tensor<number> images = nn::lift(rows(x, j, inputs)), labels = nn::lift(rows(y, j, classes));
          const nn::variable in = lifted.differentiable(images.view()), soft = lifted.differentiable(labels.view());
          twins(lifted, both.twin.forward(lifted, in), soft, {.options = {.upstream = kappa}});
          lifted.backward();
          both.second.product(to);
          const auto add = [&](nn::variable from, numbers& all, index width) {
            const std::span<double> part = std::span(all).subspan(first(j) * static_cast<std::size_t>(width),
                                                                  static_cast<std::size_t>(chunk * width));
            nn::copy_slopes(nn::tensor_view<const number>(lifted.gradient(from)), part, 1.0, true);
          };
          add(in, to_x, inputs);
          add(soft, to_y, classes);
          lifted.reset();
        },
        [&](index j, std::span<double> a) {
          for (std::size_t i = 0; i < a.size() && j == half; ++i)
            a[i] += 2 * weight * (inner.point(half)[i] - middle[i]) / scale;
        });
    numbers result = adjoint;
    result.insert(result.end(), to_x.begin(), to_x.end());
    result.insert(result.end(), to_y.begin(), to_y.end());
    result.push_back(to_eta);
    return result;
  }
};

}  // namespace

TEST_CASE("unrolled: trajectory matching against differences of the whole inner loop (AST, DATM, FTD)") {
  matching problem;
  problem.loss();
  const numbers found = problem.gradients();
  numbers expected;
  const auto differentiate = [&](double& at) {
    const double kept = at;
    expected.push_back(slope_of(
        [&](double t) {
          at = kept + t;
          const double value = problem.loss();
          at = kept;
          return numbers{value};
        },
        3e-4)[0]);
  };
  for (numbers* part : {&problem.both.theta, &problem.x, &problem.y})
    for (double& at : *part) differentiate(at);
  differentiate(problem.eta);
  const auto part = [](const numbers& all, std::size_t from, std::size_t to) {
    return numbers(all.begin() + static_cast<std::ptrdiff_t>(from), all.begin() + static_cast<std::ptrdiff_t>(to));
  };
  const std::size_t ends[] = {0, problem.target.size(), problem.target.size() + problem.x.size(), found.size() - 1,
                              found.size()};
  for (std::size_t k = 0; k < 4; ++k)
    CHECK(distance(part(found, ends[k], ends[k + 1]), part(expected, ends[k], ends[k + 1])) < 1e-9);
}

TEST_CASE("unrolled: errors") {
  CHECK(message_of([] { nn::unrolled<double>(0, 1); }) ==
        "distill: unrolled: size is 0, steps is 1, at least 1 expected");
  CHECK_THROWS_AS(nn::unrolled<double>(1, 0), argument_error);
  CHECK_THROWS_AS(nn::unrolled<double>(1, 1, 1.0), argument_error);
  nn::unrolled<double> inner(2, 3);
  numbers three(3);
  const auto nothing = [](auto...) {};
  CHECK(message_of([&] { inner.run(three, 0.1, nothing); }) == "distill: unrolled: start has 3 elements, 2 expected");
  CHECK_THROWS_AS(inner.differentiate(std::span(three), nothing), argument_error);
  CHECK_THROWS_AS(inner.point(4), argument_error);
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
