#include <distill/nn/conv2d.hpp>
#include <distill/nn/linear.hpp>
#include <distill/nn/max_pool.hpp>
#include <distill/nn/relu.hpp>

#include <limits>

#include "support.hpp"

namespace nn_tests {

TEST_CASE_TEMPLATE("linear: y = x W + b, extents beyond the first are flattened", T, float, double) {
  nn::linear<T> layer{12, 5, 3};
  layer.bias().value().data[2] = T(0.5);
  const nn::tensor<T> x = random_tensor<T>({4, 3, 2, 2}, 1);
  nn::tape<T> tape;
  const nn::tensor_view<const T> y = tape.value(layer.forward(tape, tape.constant(x.view())));
  REQUIRE(y.shape == nn::tensor_shape{4, 5});
  for (index i = 0; i < 4; ++i)
    for (index j = 0; j < 5; ++j) {
      T sum = layer.bias().value()(j);
      for (index k = 0; k < 12; ++k) sum += x.data()[i * 12 + k] * layer.weight().value()(k, j);
      CHECK(y(i, j) == doctest::Approx(sum).epsilon(1e-5));
    }
}

TEST_CASE("linear: initial weights have the stated distribution and depend on the seed alone") {
  nn::linear<double> uniform{300, 200, 1}, again{300, 200, 1}, other{300, 200, 2};
  nn::linear<double> normal{300, 200, 1, nn::initialisation::kaiming_normal};
  const double bound = std::sqrt(6.0 / 300);
  bool same = true;
  double largest = 0, squares = 0, normal_squares = 0;
  for (index i = 0; i < 60000; ++i) {
    const double w = uniform.weight().value().data[i], z = normal.weight().value().data[i];
    same = same && w == again.weight().value().data[i];
    largest = std::max(largest, std::abs(w));
    squares += w * w;
    normal_squares += z * z;
  }
  CHECK(same);
  CHECK(largest <= bound);
  CHECK(largest > 0.99 * bound);
  CHECK(squares / 60000 == doctest::Approx(2.0 / 300).epsilon(0.02));
  CHECK(normal_squares / 60000 == doctest::Approx(2.0 / 300).epsilon(0.02));
  CHECK(uniform.weight().value().data[0] != other.weight().value().data[0]);
}

TEST_CASE_TEMPLATE("conv2d: every stride and padding against loops", T, float, double) {
  for (const index kernel : {1, 2, 3, 5})
    for (const index stride : {1, 2, 3})
      for (const index padding : {0, 1, 4}) {
        CAPTURE(kernel);
        CAPTURE(stride);
        CAPTURE(padding);
        nn::conv2d<T> layer{2, 3, kernel, 5, {.stride = stride, .padding = padding}};
        layer.bias().value().data[1] = T(-0.25);
        const nn::tensor<T> x = random_tensor<T>({3, 2, 6, 9}, 2);
        nn::tape<T> tape({2});
        const nn::tensor_view<const T> y = tape.value(layer.forward(tape, tape.constant(x.view())));
        const index oh = (6 + 2 * padding - kernel) / stride + 1, ow = (9 + 2 * padding - kernel) / stride + 1;
        REQUIRE(y.shape == nn::tensor_shape{3, 3, oh, ow});
        double worst = 0;
        for (index n = 0; n < 3; ++n)
          for (index o = 0; o < 3; ++o)
            for (index i = 0; i < oh; ++i)
              for (index j = 0; j < ow; ++j) {
                T sum = layer.bias().value()(o);
                for (index c = 0; c < 2; ++c)
                  for (index k = 0; k < kernel; ++k)
                    for (index l = 0; l < kernel; ++l) {
                      const index row = i * stride + k - padding, column = j * stride + l - padding;
                      if (row >= 0 && row < 6 && column >= 0 && column < 9)
                        sum += layer.weight().value()(o, c, k, l) * x.view()(n, c, row, column);
                    }
                worst = std::max(worst, static_cast<double>(std::abs(sum - y(n, o, i, j))));
              }
        CHECK(worst < 50 * static_cast<double>(std::numeric_limits<T>::epsilon()));
      }
}

TEST_CASE("relu: zero, negative zero, NaN and infinities") {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  const float values[] = {-1, -0.0f, 0, 2, nan, inf, -inf};
  nn::tape<float> tape;
  const nn::variable in = tape.differentiable(nn::tensor_view<const float>(values, {7}));
  const nn::variable out = nn::relu<float>{}.forward(tape, in);
  const float* y = tape.value(out).data;
  CHECK(y[0] == 0);
  CHECK(y[1] == 0);
  CHECK(y[3] == 2);
  CHECK(std::isnan(y[4]));
  CHECK(y[5] == inf);
  CHECK(y[6] == 0);
  tape.backward(out);
  const float expected[] = {0, 0, 0, 1, 1, 1, 0};
  for (int i = 0; i < 7; ++i) CHECK(tape.gradient(in).data[i] == expected[i]);
}

TEST_CASE_TEMPLATE("max_pool: windows and strides against loops", T, float, double) {
  for (const index window : {1, 2, 3})
    for (const index stride : {1, 2, 3}) {
      const nn::tensor<T> x = random_tensor<T>({2, 30, 7, 20}, 1);
      nn::tape<T> tape({3});
      const nn::variable in = tape.differentiable(x.view());
      const nn::variable out = nn::max_pool<T>{window, stride}.forward(tape, in);
      const nn::tensor_view<const T> y = tape.value(out);
      const index oh = (7 - window) / stride + 1, ow = (20 - window) / stride + 1;
      REQUIRE(y.shape == nn::tensor_shape{2, 30, oh, ow});
      nn::tensor<T> gradient({2, 30, 7, 20});
      for (index n = 0; n < 2; ++n)
        for (index c = 0; c < 30; ++c)
          for (index i = 0; i < oh; ++i)
            for (index j = 0; j < ow; ++j) {
              const T* best = &x.view()(n, c, i * stride, j * stride);
              for (index k = 0; k < window; ++k)
                for (index l = 0; l < window; ++l) {
                  const T* here = &x.view()(n, c, i * stride + k, j * stride + l);
                  if (*here > *best) best = here;
                }
              CHECK_UNARY(y(n, c, i, j) == *best);
              gradient.data()[best - x.data()] += 1;
            }
      tape.backward(out);
      for (index i = 0; i < x.size(); ++i) CHECK_UNARY(tape.gradient(in).data[i] == gradient.data()[i]);
    }
}

TEST_CASE("max_pool: the first of equal pixels wins, NaN is the largest") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float values[] = {1, 1, 0, 3,   /**/ 1,   1, 3, 0,  //
                          5, 9, 2, nan, /**/ nan, 4, 7, nan};
  nn::tape<float> tape;
  const nn::variable in = tape.differentiable(nn::tensor_view<const float>(values, {1, 1, 4, 4}));
  const nn::variable out = nn::max_pool<float>{2}.forward(tape, in);
  const float* y = tape.value(out).data;
  CHECK(y[0] == 1);
  CHECK(y[1] == 3);
  CHECK(std::isnan(y[2]));
  CHECK(std::isnan(y[3]));
  tape.backward(out);
  const float expected[] = {1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0};
  for (int i = 0; i < 16; ++i) CHECK(tape.gradient(in).data[i] == expected[i]);
}

TEST_CASE("sequential: shape errors name the layer and both shapes") {
  nn::sequential<float> model;
  model.add(nn::conv2d<float>{1, 4, 3, 1});
  model.add(nn::max_pool<float>{});
  nn::linear<float>& head = model.add(nn::linear<float>{100, 10, 2});
  CHECK(head.weight().name == "2.weight");
  REQUIRE(model.parameters().size() == 4);
  nn::tape<float> tape;
  const auto run = [&](const nn::tensor_shape& shape) {
    const nn::tensor<float> x(shape);
    return message_of([&] { model.forward(tape, tape.constant(x.view())); });
  };
  CHECK(run({2, 1, 12, 12}) == "no error");
  CHECK(run({2, 1, 28, 28}) == "distill: layer 2, linear(100, 10): input is 2×4×13×13, batch×100 expected");
  CHECK(run({2, 3, 12, 12}) ==
        "distill: layer 0, conv2d(1, 4, 3): input is 2×3×12×12, batch×1×height×width of at least 3 pixels expected");
  CHECK(run({2, 1, 2, 12}).find("input is 2×1×2×12") != std::string::npos);
  CHECK(run({2, 144}).find("input is 2×144") != std::string::npos);
  CHECK(run({2, 1, 3, 3}).find("layer 1, max_pool(2): input is 2×4×1×1") != std::string::npos);
  CHECK(message_of([&] {
          model.add("0", nn::linear<float>{10, 10, 3});
        }) == "distill: sequential: 0.weight is there already, a layer at another place expected");
  CHECK(model.size() == 3);
  CHECK_THROWS_AS((nn::linear<float>{0, 3, 1}), argument_error);
  CHECK_THROWS_AS((nn::conv2d<float>{1, 1, 3, 1, {.stride = 0}}), argument_error);
  CHECK_THROWS_AS((nn::max_pool<float>{0}), argument_error);
}

TEST_CASE("layers: an empty batch passes through, forward and backward") {
  nn::sequential<float> model;
  model.add(nn::conv2d<float>{1, 2, 3, 1});
  model.add(nn::relu<float>{});
  model.add(nn::max_pool<float>{});
  model.add(nn::linear<float>{2 * 9, 3, 2});
  nn::tape<float> tape({2});
  const nn::tensor<float> x({0, 1, 8, 8});
  const nn::variable in = tape.differentiable(x.view()), out = model.forward(tape, in);
  CHECK(tape.shape(out) == nn::tensor_shape{0, 3});
  quadratic_loss(tape, out);
  tape.backward();
  for (const nn::parameter<float>* p : model.parameters())
    CHECK(std::all_of(p->gradient().data, p->gradient().data + p->size(), [](float g) { return g == 0; }));
}

TEST_CASE("sequential: forward over a part gives access to what lies between") {
  nn::sequential<double> model;
  model.add(nn::linear<double>{6, 4, 1});
  model.add(nn::relu<double>{});
  model.add(nn::linear<double>{4, 3, 2});
  const nn::tensor<double> x = random_tensor<double>({5, 6}, 1);
  nn::tape<double> tape;
  const nn::variable in = tape.constant(x.view());
  const nn::variable hint = model.forward(tape, in, 0, 2), out = model.forward(tape, hint, 2, 3);
  const nn::tensor_view<const double> whole = tape.value(model.forward(tape, in));
  CHECK(tape.shape(hint) == nn::tensor_shape{5, 4});
  for (index i = 0; i < 15; ++i) CHECK(tape.value(out).data[i] == whole.data[i]);
  CHECK_THROWS_AS(model.forward(tape, in, 2, 4), argument_error);
}

}  // namespace nn_tests
