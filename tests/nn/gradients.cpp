#include <distill/nn/conv2d.hpp>
#include <distill/nn/linear.hpp>
#include <distill/nn/max_pool.hpp>
#include <distill/nn/relu.hpp>

#include "support.hpp"

namespace nn_tests {

/// Every parameter and every input against central differences; the error is relative to the largest gradient.
void check_gradients(nn::sequential<double>& model, const nn::tensor_shape& shape) {
  nn::tensor<double> x = random_tensor<double>(shape, 11);
  const std::vector<nn::parameter<double>*> parameters = model.parameters();
  for (nn::parameter<double>* p : parameters)
    for (index i = 0; i < p->size(); ++i)
      if (p->shape().rank() == 1) p->value().data[i] = 0.1 * coefficient<double>(i);  // biases start at zero
  nn::tape<double> tape({2});
  const auto loss = [&] {
    tape.reset();
    return *tape.value(quadratic_loss(tape, model.forward(tape, tape.differentiable(x.view())))).data;
  };
  const auto compare = [&](double* values, const std::vector<double>& gradient, const std::string& what) {
    CAPTURE(what);
    double worst = 0, largest = 0;
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      const double kept = values[i], h = 1e-5;
      values[i] = kept + h;
      const double above = loss(), top = values[i];
      values[i] = kept - h;
      const double below = loss(), bottom = values[i];
      values[i] = kept;
      worst = std::max(worst, std::abs((above - below) / (top - bottom) - gradient[i]));
      largest = std::max(largest, std::abs(gradient[i]));
    }
    CHECK(largest > 0);
    CHECK(worst <= 1e-7 * largest);
  };
  zero_gradients(parameters);
  tape.reset();
  const nn::variable in = tape.differentiable(x.view());
  quadratic_loss(tape, model.forward(tape, in));
  tape.backward();
  const double* dx = tape.gradient(in).data;
  const std::vector<double> input_gradient(dx, dx + x.size());
  compare(x.data(), input_gradient, "input");
  for (nn::parameter<double>* p : parameters) {
    const double* g = p->gradient().data;
    compare(p->value().data, std::vector<double>(g, g + p->size()), p->name);
  }
}

TEST_CASE("gradients: linear") {
  nn::sequential<double> model;
  model.add(nn::linear<double>{7, 5, 1});
  check_gradients(model, {4, 7});
}

TEST_CASE("gradients: linear with one input or output") {
  nn::sequential<double> model;
  model.add(nn::linear<double>{1, 9, 1});
  model.add(nn::linear<double>{9, 1, 2});
  check_gradients(model, {3, 1});
}

TEST_CASE("gradients: relu") {
  nn::sequential<double> model;
  model.add(nn::relu<double>{});
  check_gradients(model, {5, 21});
}

TEST_CASE("gradients: conv2d, kernel × stride × padding") {
  for (const index kernel : {1, 3})
    for (const index stride : {1, 2})
      for (const index padding : {0, 1, 3}) {
        CAPTURE(kernel);
        CAPTURE(stride);
        CAPTURE(padding);
        nn::sequential<double> model;
        model.add(nn::conv2d<double>{2, 3, kernel, 1, {.stride = stride, .padding = padding}});
        check_gradients(model, {3, 2, 5, 6});
      }
}

TEST_CASE("gradients: max_pool, overlapping windows too") {
  for (const index stride : {1, 2, 3}) {
    nn::sequential<double> model;
    model.add(nn::max_pool<double>{2, stride});
    check_gradients(model, {2, 2, 6, 7});
  }
}

TEST_CASE("gradients: convolution, pooling and linear together") {
  nn::sequential<double> model;
  model.add(nn::conv2d<double>{1, 4, 3, 1, {.padding = 1}});
  model.add(nn::relu<double>{});
  model.add(nn::max_pool<double>{});
  model.add(nn::conv2d<double>{4, 5, 3, 2});
  model.add(nn::relu<double>{});
  model.add(nn::max_pool<double>{2, 1});
  model.add(nn::linear<double>{5 * 3 * 3, 12, 3, nn::initialisation::kaiming_normal});
  model.add(nn::relu<double>{});
  model.add(nn::linear<double>{12, 4, 4});
  check_gradients(model, {3, 1, 12, 12});
}

TEST_CASE("gradients: two branches from one variable, and accumulation over two sweeps") {
  nn::linear<double> head_a{6, 3, 1}, head_b{6, 2, 2};
  nn::relu<double> rectify;
  const nn::tensor<double> x = random_tensor<double>({4, 6}, 3);
  const auto sweep = [&](bool a, bool b) {
    nn::tape<double> tape;
    const nn::variable in = tape.differentiable(x.view()), z = rectify.forward(tape, in);
    if (a) quadratic_loss(tape, head_a.forward(tape, z));
    if (b) quadratic_loss(tape, head_b.forward(tape, z));
    tape.backward();
    const nn::tensor_view<double> g = tape.gradient(in);
    return std::vector<double>(g.data, g.data + g.size());
  };
  const std::vector<double> a = sweep(true, false), b = sweep(false, true);
  const double once = head_a.weight().gradient().data[4];
  const std::vector<double> both = sweep(true, true);
  for (std::size_t i = 0; i < both.size(); ++i) CHECK(both[i] == doctest::Approx(a[i] + b[i]));
  CHECK(head_a.weight().gradient().data[4] == doctest::Approx(2 * once));
  head_a.weight().zero_gradient();
  CHECK(head_a.weight().gradient().data[4] == 0);
}

}  // namespace nn_tests
