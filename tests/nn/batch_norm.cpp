#include <distill/nn/batch_norm.hpp>

#include <limits>

#include "support.hpp"

namespace nn_tests {

/// Mean and variance of a channel in long double, by two passes.
template <class T>
void moments(const nn::tensor<T>& x, index c, long double& mean, long double& variance) {
  const index channels = x.shape()[1], size = x.shape().features() / channels;
  std::vector<long double> values;
  for (index n = 0; n < x.shape()[0]; ++n)
    for (index i = 0; i < size; ++i)
      values.push_back(static_cast<long double>(x.data()[(n * channels + c) * size + i]));
  mean = variance = 0;
  for (const long double v : values) mean += v;
  mean /= static_cast<long double>(values.size());
  for (const long double v : values) variance += (v - mean) * (v - mean);
  variance /= static_cast<long double>(values.size());
}

TEST_CASE_TEMPLATE("batch_norm: statistics of the batch, however far from zero", T, float, double) {
  for (const nn::tensor_shape& shape :
       {nn::tensor_shape{5, 3}, nn::tensor_shape{2, 4, 1, 1}, nn::tensor_shape{3, 2, 5, 7}, nn::tensor_shape{2, 17},
        nn::tensor_shape{1, 3, 40, 33}})
    for (const double offset : {0.0, 1000.0}) {
      CAPTURE(shape.text());
      const index channels = shape[1], size = shape.features() / channels;
      nn::batch_norm<T> layer(channels);
      nn::tensor<T> x = random_tensor<T>(shape, 1);
      for (index i = 0; i < x.size(); ++i) x.data()[i] += static_cast<T>(offset);
      for (index c = 0; c < channels; ++c) {
        layer.weight().value().data[c] = T(1.5);
        layer.bias().value().data[c] = coefficient<T>(c);
      }
      nn::tape<T> tape({2});
      const nn::tensor_view<const T> y = tape.value(layer.forward(tape, tape.constant(x.view())));
      const double unit = static_cast<double>(std::numeric_limits<T>::epsilon());
      for (index c = 0; c < channels; ++c) {
        long double mean = 0, variance = 0;
        moments(x, c, mean, variance);
        double worst = 0;
        for (index i = 0; i < x.size(); ++i)
          if (i / size % channels == c) {
            const auto expected = (static_cast<long double>(x.data()[i]) - mean) / std::sqrt(variance + 1e-5L) * 1.5L +
                                  static_cast<long double>(coefficient<T>(c));
            worst = std::max(worst, static_cast<double>(std::abs(static_cast<long double>(y.data[i]) - expected)));
          }
        CHECK(worst < 16 * unit);
        const auto count = static_cast<long double>(x.size() / channels);
        CHECK(static_cast<double>(layer.running_mean().value().data[c]) ==
              doctest::Approx(static_cast<double>(mean) / 10).epsilon(4 * unit));
        CHECK(static_cast<double>(layer.running_variance().value().data[c]) ==
              doctest::Approx(static_cast<double>(0.9L + variance * count / (count - 1) / 10)).epsilon(1e-6));
      }
    }
}

/// Loss as a function of input, weight and bias against central differences.
void check_batch_norm_gradients(const nn::tensor_shape& shape, bool training, nn::batch_norm_options options) {
  CAPTURE(shape.text());
  CAPTURE(training);
  nn::batch_norm<double> layer(shape[1], options);
  nn::tensor<double> x = random_tensor<double>(shape, 2);
  for (index c = 0; c < shape[1]; ++c) {
    layer.weight().value().data[c] = 1 + 0.3 * coefficient<double>(c);
    layer.bias().value().data[c] = 0.2 * coefficient<double>(c + 5);
    layer.running_mean().value().data[c] = 0.1 * coefficient<double>(c + 9);
  }
  layer.freeze_statistics = true;
  nn::tape<double> tape({2});
  training ? tape.train() : tape.evaluate();
  const auto loss = [&] {
    tape.reset();
    return *tape.value(quadratic_loss(tape, layer.forward(tape, tape.differentiable(x.view())))).data;
  };
  zero_gradients(layer.parameters());
  const nn::variable in = tape.differentiable(x.view());
  quadratic_loss(tape, layer.forward(tape, in));
  tape.backward();
  const double* dx = tape.gradient(in).data;
  const std::vector<double> input_gradient(dx, dx + x.size());
  const auto compare = [&](double* values, const double* gradient, index size) {
    double worst = 0;
    for (index i = 0; i < size; ++i) {
      const double kept = values[i], h = 1e-5;
      values[i] = kept + h;
      const double above = loss();
      values[i] = kept - h;
      const double below = loss();
      values[i] = kept;
      worst = std::max(worst, std::abs((above - below) / (2 * h) - gradient[i]));
    }
    CHECK(worst < 1e-7);
  };
  compare(x.data(), input_gradient.data(), x.size());
  for (nn::parameter<double>* p : layer.parameters()) compare(p->value().data, p->gradient().data, p->size());
}

TEST_CASE("batch_norm: gradients") {
  for (const bool training : {true, false})
    for (const bool relu : {false, true}) {
      check_batch_norm_gradients({6, 3}, training, {.relu = relu});
      check_batch_norm_gradients({3, 2, 3, 4}, training, {.relu = relu});
      check_batch_norm_gradients({2, 2, 3, 3}, training, {.affine = false, .relu = relu});
    }
}

TEST_CASE("batch_norm: evaluation, frozen statistics, added gradients, thread counts") {
  nn::batch_norm<float> layer(3);
  layer.running_mean().value().data[1] = 2;
  layer.running_variance().value().data[1] = 4;
  const nn::tensor<float> x = random_tensor<float>({90, 3, 25, 25}, 3);
  nn::tape<float> one({1}), many({3});
  one.evaluate();
  const auto y = one.value(layer.forward(one, one.constant(x.view())));
  CHECK(y.data[625] == doctest::Approx((x.data()[625] - 2) / std::sqrt(4.00001f)));
  one.train();
  layer.freeze_statistics = true;
  const auto gradient = [&](nn::tape<float>& tape, int times) {
    const nn::variable in = tape.differentiable(x.view());
    for (int i = 0; i < times; ++i) quadratic_loss(tape, layer.forward(tape, in));
    tape.backward();
    return tape.gradient(in);
  };
  const auto a = gradient(one, 1), b = gradient(many, 1);
  CHECK(layer.running_mean().value().data[1] == 2);
  CHECK(std::equal(a.data, a.data + a.size(), b.data));
  const auto twice = gradient(many, 2);
  for (index i = 0; i < a.size(); i += 997) CHECK(twice.data[i] == doctest::Approx(2 * a.data[i]).epsilon(1e-5));
  CHECK(layer.buffers().size() == 2);
  CHECK(layer.parameters().size() == 2);
}

TEST_CASE("batch_norm: what it refuses") {
  nn::batch_norm<float> layer(3);
  const auto run = [&](const nn::tensor_shape& shape) {
    nn::tape<float> tape;
    const nn::tensor<float> x(shape);
    return message_of([&] { layer.forward(tape, tape.constant(x.view())); });
  };
  CHECK(run({1, 3}) ==
        "distill: batch_norm(3): input is 1×3, at least 2 values of each channel to learn from expected");
  CHECK(run({4, 2}).find("input is 4×2") != std::string::npos);
  CHECK(run({2, 3, 1, 1}) == "no error");
  CHECK(message_of([] { nn::batch_norm<float>(3, {.epsilon = 0}); }).find("epsilon 0") != std::string::npos);
}

}  // namespace nn_tests
