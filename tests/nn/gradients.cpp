#include <distill/nn/conv2d.hpp>
#include <distill/nn/gradient_check.hpp>
#include <distill/nn/linear.hpp>
#include <distill/nn/max_pool.hpp>
#include <distill/nn/relu.hpp>

#include "support.hpp"

namespace nn_tests {

/// Every parameter and every input against differences; steps are short, for the sake of the kinks.
void check_gradients(nn::sequential<double>& model, const nn::tensor_shape& shape) {
  const nn::tensor<double> x = random_tensor<double>(shape, 11);
  for (nn::parameter<double>* p : model.parameters())
    for (index i = 0; i < p->size(); ++i)
      if (p->shape().rank() == 1) p->value().data[i] = 0.1 * coefficient<double>(i);  // biases start at zero
  const nn::gradient_report report = nn::gradient_check(model, x.view(), {.step = 1e-5, .projections = 1});
  CHECK_MESSAGE(report.worst <= 1e-9, report.text());
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
