#include <distill/nn/conv2d.hpp>

#include <limits>
#include <type_traits>

#include "support.hpp"

namespace nn_tests {

struct convolution_case {
  index batch, inputs, outputs, height, width, kernel;
  nn::conv2d_options options;
};

/// What a loop over all products finds, in double, and the sum of their absolute values.
struct looped {
  std::vector<double> value, scale;

  explicit looped(index size) : value(static_cast<std::size_t>(size)), scale(value.size()) {}
  void add(index at, double term) {
    value[static_cast<std::size_t>(at)] += term;
    scale[static_cast<std::size_t>(at)] += std::abs(term);
  }
  /// The largest error in units in the last place of that sum.
  template <class T>
  double worst(const T* got) const {
    double result = 0;
    for (std::size_t i = 0; i < value.size(); ++i) {
      const double unit = std::numeric_limits<T>::epsilon() / 2 * scale[i] + 1e-300;
      result = std::max(result, std::abs(static_cast<double>(got[i]) - value[i]) / unit);
    }
    return result;
  }
};

template <class T>
struct convolution_run {
  nn::tensor<T> y, dx, dw, db;

  convolution_run(nn::conv2d<T>& layer, const nn::tensor<T>& x, int threads) {
    nn::tape<T> tape({threads});
    const auto copy = [](const T* from, const nn::tensor_shape& shape) {
      nn::tensor<T> to(shape);
      std::copy_n(from, to.size(), to.data());
      return to;
    };
    zero_gradients(layer.parameters());
    const nn::variable in = tape.differentiable(x.view()), out = layer.forward(tape, in);
    tape.record_loss(T(0), {out}, [](nn::tape<T>& on, nn::variable self) {
      const nn::tensor_view<T> to = on.zeroed_gradient(on.input(self, 0));
      for (index i = 0; i < to.size(); ++i) to.data[i] = coefficient<T>(i);
    });
    tape.backward();
    y = copy(tape.value(out).data, tape.shape(out));
    dx = copy(tape.gradient(in).data, x.shape());
    dw = copy(layer.weight().gradient().data, layer.weight().shape());
    db = copy(layer.bias().gradient().data, layer.bias().shape());
  }
};

template <class T>
bool same_bits(const nn::tensor<T>& a, const nn::tensor<T>& b) {
  return a.shape() == b.shape() && std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(T)) == 0;
}

/// Errors of y, dx, dw in ULP of Σ|products|; bit identity over thread counts.
template <class T>
void check_convolution(const convolution_case& c) {
  CAPTURE(c.inputs);
  CAPTURE(c.outputs);
  CAPTURE(c.height);
  CAPTURE(c.width);
  CAPTURE(c.kernel);
  CAPTURE(c.options.stride);
  CAPTURE(c.options.padding);
  CAPTURE(c.options.groups);
  nn::conv2d<T> layer(c.inputs, c.outputs, c.kernel, 1, c.options);
  const nn::tensor<T> x = random_tensor<T>({c.batch, c.inputs, c.height, c.width}, 2);
  for (index o = 0; o < c.outputs; ++o) layer.bias().value().data[o] = coefficient<T>(o);
  const convolution_run<T> got(layer, x, 1);
  const nn::tensor_shape out = got.y.shape();
  looped y(out.size()), dx(x.size()), dw(got.dw.size()), db(c.outputs);
  const index inputs = c.inputs / c.options.groups, outputs = c.outputs / c.options.groups, k = c.kernel;
  for (index n = 0; n < c.batch; ++n)
    for (index o = 0; o < c.outputs; ++o)
      for (index i = 0; i < out[2]; ++i)
        for (index j = 0; j < out[3]; ++j) {
          const index at = ((n * c.outputs + o) * out[2] + i) * out[3] + j;
          const double g = static_cast<double>(coefficient<T>(at));
          y.add(at, static_cast<double>(layer.bias().value().data[o]));
          db.add(o, g);
          for (index tap = 0; tap < inputs * k * k; ++tap) {
            const index row = i * c.options.stride - c.options.padding + tap / k % k;
            const index column = j * c.options.stride - c.options.padding + tap % k;
            if (row < 0 || row >= c.height || column < 0 || column >= c.width) continue;
            const index channel = o / outputs * inputs + tap / (k * k);
            const index pixel = ((n * c.inputs + channel) * c.height + row) * c.width + column;
            const index weight = o * inputs * k * k + tap;
            const double v = static_cast<double>(x.data()[pixel]);
            const double w = static_cast<double>(layer.weight().value().data[weight]);
            y.add(at, v * w);
            dx.add(pixel, g * w);
            dw.add(weight, g * v);
          }
        }
  CHECK(y.worst(got.y.data()) < 8);
  CHECK(dx.worst(got.dx.data()) < 8);
  CHECK(dw.worst(got.dw.data()) < 8);
  CHECK(db.worst(got.db.data()) < 8);
  const convolution_run<T> again(layer, x, 3);
  CHECK(same_bits(again.y, got.y));
  CHECK(same_bits(again.dx, got.dx));
  CHECK(same_bits(again.dw, got.dw));
}

TEST_CASE_TEMPLATE("convolution: 3×3 between many channels, every remainder", T, float, double) {
  for (const index channels : {8, 9, 15, 17, 31, 40})
    check_convolution<T>({2, channels, 48 - channels, 6, 9, 3, {.padding = 1}});
  for (index size = 1; size <= 33; size += size < 9 ? 1 : 4)
    check_convolution<T>({2, 9, 8, size, 34 - size, 3, {.padding = 1}});
  for (const index padding : {0, 2}) check_convolution<T>({3, 12, 20, 7, 10, 3, {.padding = padding}});
  check_convolution<T>({70, 8, 8, 3, 3, 3, {.padding = 1}});  // several images make one run of tiles
  check_convolution<T>({2, 48, 24, 5, 6, 3, {.padding = 1, .groups = 3}});
}

TEST_CASE_TEMPLATE("convolution: directly with few channels, kernels, depthwise", T, float, double) {
  for (const index outputs : {1, 2, 3, 4, 7, 13}) check_convolution<T>({2, 1, outputs, 7, 12, 3, {.padding = 1}});
  for (const index kernel : {2, 3, 4, 5, 7})
    for (const index padding : {index{0}, kernel / 2, kernel - 1})
      check_convolution<T>({2, 3, 5, 9, 10, kernel, {.padding = padding}});
  for (index size = 2; size <= 40; size += 7) check_convolution<T>({2, 2, 4, 3, size, 3, {.padding = 1}});
  check_convolution<T>({2, 9, 9, 6, 17, 3, {.padding = 1, .groups = 9}});
  check_convolution<T>({2, 3, 12, 6, 5, 5, {.padding = 2, .groups = 3}});
}

TEST_CASE_TEMPLATE("convolution: by products with patches, strides, single pixels", T, float, double) {
  for (const index kernel : {1, 2, 3})
    for (const index stride : {1, 2, 3})
      for (const index padding : {0, 1, 3})
        for (const index groups : {1, 2})
          check_convolution<T>({2, 4, 6, 5, 8, kernel, {.stride = stride, .padding = padding, .groups = groups}});
  check_convolution<T>({2, 6, 6, 9, 9, 3, {.stride = 2, .padding = 1, .groups = 6}});
  check_convolution<T>({40, 3, 2, 4, 4, 1, {}});
}

TEST_CASE("convolution: gradients are added, frozen parameters get none") {
  for (const index channels : {2, 9}) {  // directly, and by tiles
    nn::conv2d<double> layer(channels, channels, 3, 1, {.padding = 1});
    const nn::tensor<double> x = random_tensor<double>({2, channels, 5, 5}, 3);
    const auto gradients = [&](bool twice) {
      nn::tape<double> tape;
      zero_gradients(layer.parameters());
      const nn::variable in = tape.differentiable(x.view());
      quadratic_loss(tape, layer.forward(tape, in));
      if (twice) quadratic_loss(tape, layer.forward(tape, in));
      tape.backward();
      const double* dx = tape.gradient(in).data;
      std::vector<double> all(dx, dx + x.size());
      for (nn::parameter<double>* p : layer.parameters())
        all.insert(all.end(), p->gradient().data, p->gradient().data + p->size());
      return all;
    };
    const std::vector<double> once = gradients(false), twice = gradients(true);
    for (std::size_t i = 0; i < once.size(); ++i) CHECK(twice[i] == doctest::Approx(2 * once[i]));
    layer.weight().trainable = false;
    layer.bias().trainable = false;
    const std::vector<double> frozen = gradients(false);
    for (std::size_t i = 0; i < frozen.size(); ++i)
      CHECK(frozen[i] == (i < static_cast<std::size_t>(x.size()) ? once[i] : 0));
  }
}

TEST_CASE("convolution: with its own ReLU as with a layer") {
  for (const index channels : {2, 16}) {
    nn::conv2d<float> plain(channels, channels, 3, 1, {.padding = 1});
    nn::conv2d<float> own(channels, channels, 3, 1, {.padding = 1, .relu = true});
    const nn::tensor<float> x = random_tensor<float>({5, channels, 6, 6}, 4);
    const convolution_run<float> a(plain, x, 1), b(own, x, 2);
    for (index i = 0; i < a.y.size(); ++i) CHECK(b.y.data()[i] == std::max(a.y.data()[i], 0.f));
    double sum = 0;
    for (index i = 0; i < a.y.size(); ++i)
      if (a.y.data()[i] > 0 && i / 36 % channels == 1) sum += static_cast<double>(coefficient<float>(i));
    CHECK(static_cast<double>(b.db.data()[1]) == doctest::Approx(sum).epsilon(1e-4));
  }
}

TEST_CASE("convolution: NaN reaches the outputs whose windows hold it, and no other") {
  for (const index channels : {1, 8}) {
    nn::conv2d<float> layer(channels, 8, 3, 1, {.padding = 1});
    nn::tensor<float> x = random_tensor<float>({1, channels, 7, 8}, 5);
    for (index pixel = 0; pixel < 56; ++pixel) {
      nn::tape<float> tape;
      const float kept = x.data()[pixel];
      x.data()[pixel] = std::numeric_limits<float>::quiet_NaN();
      const nn::tensor_view<const float> y = tape.value(layer.forward(tape, tape.constant(x.view())));
      x.data()[pixel] = kept;
      bool right = true;
      for (index i = 0; i < y.size(); ++i) {
        const bool near = std::abs(i % 56 / 8 - pixel / 8) <= 1 && std::abs(i % 8 - pixel % 8) <= 1;
        right = right && std::isnan(y.data[i]) == near;
      }
      CHECK(right);
    }
  }
}

TEST_CASE("convolution: a batch of one of dual numbers is a derivative") {
  using number = distill::dual<double>;
  nn::conv2d<double> plain(2, 3, 3, 1, {.padding = 1, .bias = false});
  nn::conv2d<number> layer(2, 3, 3, 1, {.padding = 1, .bias = false});
  nn::tensor<number> x({1, 2, 4, 4});
  nn::tensor<double> direction = random_tensor<double>({1, 2, 4, 4}, 6);
  for (index i = 0; i < x.size(); ++i) x.data()[i] = {coefficient<double>(i), direction.data()[i]};
  nn::tape<number> tape;
  nn::tape<double> reference;
  const auto y = tape.value(layer.forward(tape, tape.constant(x.view())));
  const auto slope = reference.value(plain.forward(reference, reference.constant(direction.view())));
  for (index i = 0; i < y.size(); ++i) CHECK(y.data[i].slope == doctest::Approx(slope.data[i]));
}

TEST_CASE("convolution: errors name the argument") {
  const auto make = [](index inputs, index outputs, nn::conv2d_options o) {
    return message_of([&] { nn::conv2d<float>(inputs, outputs, 3, 1, o); });
  };
  CHECK(make(4, 6, {.groups = 4}).find("inputs 4 and outputs 6 for 4 groups") != std::string::npos);
  CHECK(make(4, 4, {.groups = 0}).find("groups 0") != std::string::npos);
  CHECK(make(4, 4, {.padding = -1}).find("padding -1") != std::string::npos);
  nn::conv2d<float> layer(4, 4, 3, 1, {.groups = 2, .bias = false});
  CHECK(layer.parameters().size() == 1);
  CHECK(layer.weight().shape() == nn::tensor_shape{4, 2, 3, 3});
  CHECK(message_of([&] { layer.bias(); }).find("without one") != std::string::npos);
  nn::tape<float> tape;
  const nn::tensor<float> blank({2, 4, 0, 5});  // the padding alone would hold a kernel
  CHECK(message_of([&] { nn::conv2d<float>(4, 4, 3, 1, {.padding = 2}).forward(tape, tape.constant(blank.view())); }) ==
        "distill: conv2d(4, 4, 3): input is 2×4×0×5, batch×4×height×width of at least 1 pixels expected");
}

}  // namespace nn_tests
