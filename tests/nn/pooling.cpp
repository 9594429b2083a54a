#include <distill/nn/average_pool.hpp>
#include <distill/nn/global_average_pool.hpp>
#include <distill/nn/max_pool.hpp>

#include <limits>

#include "support.hpp"

namespace nn_tests {

struct pooling_case {
  index height, width, window, stride, padding;
};

/// f(window of y, pixel of x) for every pixel of every window of two planes.
template <class F>
void for_each_pixel(const pooling_case& c, const F& f) {
  const index oh = (c.height + 2 * c.padding - c.window) / c.stride + 1;
  const index ow = (c.width + 2 * c.padding - c.window) / c.stride + 1;
  for (index at = 0; at < 2 * oh * ow; ++at)
    for (index tap = 0; tap < c.window * c.window; ++tap) {
      const index y = at / ow % oh * c.stride - c.padding + tap / c.window;
      const index x = at % ow * c.stride - c.padding + tap % c.window;
      if (y >= 0 && y < c.height && x >= 0 && x < c.width) f(at, (at / (oh * ow) * c.height + y) * c.width + x);
    }
}

/// Value, gradient, and gradient added twice, of two planes; as the layer finds them.
template <class T>
struct pooling_run {
  std::vector<T> y, dx, twice;

  pooling_run(const nn::layer<T>& layer, const nn::tensor<T>& x) {
    for (const bool again : {false, true}) {
      nn::tape<T> tape({2});
      const nn::variable in = tape.differentiable(x.view()), out = layer.forward(tape, in);
      quadratic_loss(tape, out);
      if (again) quadratic_loss(tape, layer.forward(tape, in));
      tape.backward();
      const T* dx_data = tape.gradient(in).data;
      (again ? twice : dx).assign(dx_data, dx_data + x.size());
      y.assign(tape.value(out).data, tape.value(out).data + tape.value(out).size());
    }
  }
};

template <class T>
void check_pooling(const pooling_case& c) {
  CAPTURE(c.height);
  CAPTURE(c.width);
  CAPTURE(c.window);
  CAPTURE(c.stride);
  CAPTURE(c.padding);
  nn::tensor<T> x = random_tensor<T>({1, 2, c.height, c.width}, 7);
  for (index i = 0; i < x.size(); i += 5) x.data()[i] = T(0.5);  // ties
  const pooling_run<T> largest(nn::max_pool<T>(c.window, c.stride, c.padding), x);
  const pooling_run<T> mean(nn::average_pool<T>(c.window, c.stride, c.padding), x);
  std::vector<index> winner(largest.y.size(), -1);
  std::vector<double> sum(mean.y.size());
  for_each_pixel(c, [&](index at, index pixel) {
    index& best = winner[static_cast<std::size_t>(at)];
    if (best < 0 || x.data()[pixel] > x.data()[best]) best = pixel;
    sum[static_cast<std::size_t>(at)] += static_cast<double>(x.data()[pixel]);
  });
  const auto area = static_cast<double>(c.window * c.window);
  std::vector<T> dx(largest.dx.size());
  std::vector<double> share(mean.dx.size());
  bool right = true;
  double worst = 0;
  const auto slope = [](T y, std::size_t at) { return coefficient<T>(static_cast<index>(at)) + y; };
  for (std::size_t at = 0; at < winner.size(); ++at) {
    right = right && largest.y[at] == x.data()[winner[at]];
    dx[static_cast<std::size_t>(winner[at])] += slope(largest.y[at], at);
    worst = std::max(worst, std::abs(static_cast<double>(mean.y[at]) - sum[at] / area));
  }
  for_each_pixel(c, [&](index at, index pixel) {
    const auto a = static_cast<std::size_t>(at);
    share[static_cast<std::size_t>(pixel)] += static_cast<double>(slope(mean.y[a], a)) / area;
  });
  double size = 1;
  for (std::size_t i = 0; i < dx.size(); ++i) {
    right = right && largest.dx[i] == dx[i];
    size = std::max(size, static_cast<double>(std::abs(dx[i])));
    worst = std::max(worst, std::abs(static_cast<double>(mean.dx[i]) - share[i]));
    worst = std::max(worst, std::abs(static_cast<double>(largest.twice[i] - 2 * dx[i])));
    worst = std::max(worst, std::abs(static_cast<double>(mean.twice[i] - 2 * mean.dx[i])));
  }
  CHECK(right);
  CHECK(worst < 16 * size * static_cast<double>(std::numeric_limits<T>::epsilon()));
}

TEST_CASE_TEMPLATE("pooling: every remainder of windows of four, other windows", T, float, double) {
  for (index size = 2; size <= 35; ++size) check_pooling<T>({37 - size, size, 2, 2, 0});
  check_pooling<T>({3, 70, 2, 2, 0});
  for (const index window : {1, 2, 3, 5})
    for (const index stride : {1, 2, 3})
      for (index padding = 0; padding <= window / 2; ++padding) check_pooling<T>({7, 9, window, stride, padding});
}

TEST_CASE("pooling: padding is no maximum, not even beside -inf; NaN is the largest") {
  const float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const float values[] = {-infinity, -1, nan, 2};
  nn::tape<float> tape;
  const nn::variable in = tape.differentiable(nn::tensor_view<const float>(values, {1, 1, 2, 2}));
  const nn::variable out = nn::max_pool<float>(2, 2, 1).forward(tape, in);
  const float* y = tape.value(out).data;
  CHECK(y[0] == -infinity);
  CHECK(y[1] == -1);
  CHECK(std::isnan(y[2]));
  tape.backward(out);
  for (int i = 0; i < 4; ++i) CHECK(tape.gradient(in).data[i] == 1);
}

TEST_CASE("pooling: global means, added gradients, errors") {
  const nn::tensor<float> x = random_tensor<float>({3, 5, 7, 9}, 8);
  nn::tape<float> tape;
  const nn::variable in = tape.differentiable(x.view());
  const nn::global_average_pool<float> layer;
  const nn::variable out = layer.forward(tape, in);
  REQUIRE(tape.shape(out) == nn::tensor_shape{3, 5});
  for (index plane = 0; plane < 15; ++plane) {
    double sum = 0;
    for (index i = 0; i < 63; ++i) sum += static_cast<double>(x.data()[plane * 63 + i]);
    CHECK(static_cast<double>(tape.value(out).data[plane]) == doctest::Approx(sum / 63).epsilon(1e-6));
  }
  quadratic_loss(tape, out);
  quadratic_loss(tape, layer.forward(tape, in));
  tape.backward();
  for (index i = 0; i < x.size(); ++i) {
    const float g = 2 * (coefficient<float>(i / 63) + tape.value(out).data[i / 63]) / 63;
    CHECK(tape.gradient(in).data[i] == doctest::Approx(g));
  }
  CHECK(message_of([] { nn::max_pool<float>(3, 1, 2); }).find("padding 2") != std::string::npos);
  CHECK(message_of([] { nn::average_pool<float>(0); }).find("window 0") != std::string::npos);
  const nn::tensor<float> blank({3, 5, 0, 4});  // a window would fit beside the image
  CHECK(message_of([&] { nn::max_pool<float>(2, 2, 1).forward(tape, tape.constant(blank.view())); }) ==
        "distill: max_pool(2): input is 3×5×0×4, batch×channels×height×width of at least 1 pixels expected");
  const nn::tensor<float> flat({3, 5});
  CHECK(message_of([&] { layer.forward(tape, tape.constant(flat.view())); }).find("3×5") != std::string::npos);
}

}  // namespace nn_tests
