// What layers do at the ends of their ranges, with masks, chance and wrong shapes.
#include <distill/nn/concatenate.hpp>
#include <distill/nn/embedding.hpp>
#include <distill/nn/flatten.hpp>
#include <distill/nn/gelu.hpp>
#include <distill/nn/log_softmax.hpp>
#include <distill/nn/model/mlp.hpp>
#include <distill/nn/model/vision_transformer.hpp>
#include <distill/nn/residual.hpp>
#include <distill/nn/sigmoid.hpp>
#include <distill/nn/silu.hpp>
#include <distill/nn/softmax.hpp>
#include <distill/nn/split.hpp>
#include <distill/nn/swap_axes.hpp>
#include <distill/nn/tanh.hpp>
#include <distill/nn/tokens_to_pixels.hpp>

#include <limits>
#include <numbers>

#include "harness/ulp.hpp"
#include "support.hpp"

namespace nn_tests {
namespace {

constexpr float inf = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

struct passed {
  std::vector<float> y, dx;
};
/// One forward and backward pass with `upstream` from above.
passed pass(const nn::layer<float>& layer, const nn::tensor_shape& shape, const std::vector<float>& x,
            const std::vector<float>& upstream) {
  nn::tape<float> t({2});
  const nn::variable in = t.differentiable(nn::tensor_view<const float>(x.data(), shape));
  const nn::variable out = layer.forward(t, in);
  const nn::tensor_view<const float> y = t.value(out);
  REQUIRE(y.size() == static_cast<index>(upstream.size()));
  hand_back(t, out, upstream.data());
  t.backward();
  const float* dx = t.gradient(in).data;
  return {{y.data, y.data + y.size()}, {dx, dx + x.size()}};
}

template <class T, class Formula, class Exact>
void check_value(const char* name, const Exact& exact, T low, T high, double bound) {
  CAPTURE(name);
  double worst = 0;
  T at = 0;
  for (int i = 0; i <= 40000; ++i) {
    const T x = low + (high - low) * static_cast<T>(i) / T(40000);
    const double error = harness::ulp_between(Formula::value(x), exact(static_cast<long double>(x)));
    if (!(error <= worst)) worst = error, at = x;
  }
  CAPTURE(at);
  CHECK(worst <= bound);
}
template <class T, class Formula, class Exact>
void check_slope(const char* name, const Exact& exact, T low, T high, double bound) {
  struct slope {
    static T value(T x) { return Formula::slope(x); }
  };
  check_value<T, slope>(name, exact, low, high, bound);
}

long double sigmoid_of(long double x) { return 1 / (1 + std::exp(-x)); }
long double normal_below(long double x) { return std::erfc(-x * std::numbers::sqrt2_v<long double> / 2) / 2; }
long double normal_density(long double x) {
  return std::exp(-x * x / 2) * std::numbers::inv_sqrtpi_v<long double> * std::numbers::sqrt2_v<long double> / 2;
}

}  // namespace

TEST_CASE_TEMPLATE("element-wise layers keep their error bounds, far out as well", T, float, double) {
  namespace d = nn::detail;
  const T end = sizeof(T) == 4 ? T(87) : T(700), far = sizeof(T) == 4 ? T(13) : T(37);
  check_value<T, d::sigmoid_formula>("sigmoid", sigmoid_of, -end, end, 4);
  check_slope<T, d::sigmoid_formula>(
      "sigmoid", [](long double x) { return sigmoid_of(x) * sigmoid_of(-x); }, -end, end, 6);
  check_value<T, d::tanh_formula>(
      "tanh", [](long double x) { return std::tanh(x); }, T(-20), T(20), 5);
  check_slope<T, d::tanh_formula>(
      "tanh", [](long double x) { return 4 * sigmoid_of(2 * x) * sigmoid_of(-2 * x); }, T(-40), T(40), 6);
  check_value<T, d::silu_formula>(
      "silu", [](long double x) { return x * sigmoid_of(x); }, -end, end, 5);
  check_slope<T, d::silu_formula>(
      "silu", [](long double x) { return sigmoid_of(x) * (1 + x * sigmoid_of(-x)); }, -end, T(-2), 12);
  check_slope<T, d::silu_formula>(
      "silu, right", [](long double x) { return sigmoid_of(x) * (1 + x * sigmoid_of(-x)); }, T(0), end, 6);
  check_value<T, d::exact_gelu_formula>(
      "gelu", [](long double x) { return x * normal_below(x); }, -far, far, 6);
  check_slope<T, d::exact_gelu_formula>(
      "gelu, left", [](long double x) { return normal_below(x) + x * normal_density(x); }, -far, T(-2), 12);
  check_slope<T, d::exact_gelu_formula>(
      "gelu, right", [](long double x) { return normal_below(x) + x * normal_density(x); }, T(0), far, 8);
  const auto tanh_form = [](long double x) {
    return x * sigmoid_of(2 * std::sqrt(2 / std::numbers::pi_v<long double>) * (x + 0.044715L * x * x * x));
  };
  check_value<T, d::tanh_gelu_formula>("gelu, tanh", tanh_form, T(-3), T(30), 20);
}

TEST_CASE("element-wise layers: infinities, NaN and zero") {
  const std::vector<float> x{-inf, -1e30f, 0, 1e30f, inf, nan}, ones(6, 1.0f);
  const auto check = [&](const nn::layer<float>& layer, std::vector<float> y, std::vector<float> dx) {
    CAPTURE(layer.name);
    const passed p = pass(layer, {6}, x, ones);
    for (std::size_t i = 0; i < 5; ++i) {
      CAPTURE(x[i]);
      CHECK((p.y[i] == y[i] || std::abs(p.y[i] - y[i]) <= 1e-6f * std::abs(y[i])));
      CHECK(p.dx[i] == doctest::Approx(dx[i]).epsilon(1e-6));
    }
    CHECK(std::isnan(p.y[5]));
    CHECK(std::isnan(p.dx[5]));
  };
  const std::vector<float> rectified{0, 0, 0, 1e30f, inf}, step{0, 0, 0.5f, 1, 1};
  check(nn::gelu<float>(), rectified, step);
  check(nn::gelu<float>(nn::gelu_form::tanh), rectified, step);
  check(nn::silu<float>(), rectified, step);
  check(nn::sigmoid<float>(), step, {0, 0, 0.25f, 0, 0});
  check(nn::tanh<float>(), {-1, -1, 0, 1, 1}, {0, 0, 1, 0, 0});
}

TEST_CASE("softmax: masked, wholly masked, NaN, infinite and single elements") {
  const std::vector<float> x{-inf, 0, 0, /**/ -inf, -inf, -inf, /**/ nan, -inf, -inf, /**/ 1, inf, 0};
  const std::vector<float> dy{5, 1, 3, 1, 2, 3, 1, 1, 1, 1, 1, 1};
  const passed p = pass(nn::softmax<float>(), {4, 3}, x, dy), l = pass(nn::log_softmax<float>(), {4, 3}, x, dy);
  const float y[] = {0, 0.5f, 0.5f, 0, 0, 0}, dx[] = {0, -0.5f, 0.5f, 0, 0, 0};
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK(p.y[i] == y[i]);
    CHECK(p.dx[i] == dx[i]);
    CHECK((i == 1 || i == 2 ? l.y[i] == -std::numbers::ln2_v<float> : l.y[i] == -inf));
  }
  for (std::size_t i = 6; i < 12; ++i) {
    CHECK(std::isnan(p.y[i]));
    CHECK(std::isnan(l.y[i]));
  }
  CHECK(pass(nn::softmax<float>(), {2, 1}, {-5, 7}, {1, 1}).y == std::vector<float>{1, 1});
  CHECK(pass(nn::log_softmax<float>(), {2, 1}, {-5, 7}, {1, 1}).y == std::vector<float>{0, 0});
}

TEST_CASE("layer_norm: constant rows, far rows, rows with NaN") {
  const nn::layer_norm<float> layer(4, {.affine = false});
  const passed p =
      pass(layer, {4, 4}, {7, 7, 7, 7, /**/ 1e6f, 1e6f + 1, 1e6f + 2, 1e6f + 3, /**/ 0, 1, 2, 3, /**/ nan, 1, 2, 3},
           std::vector<float>(16, 1.0f));
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(p.y[i] == 0);
    CHECK(p.dx[i] == doctest::Approx(0));
    CHECK(p.y[4 + i] == p.y[8 + i]);
    CHECK(std::isnan(p.y[12 + i]));
  }
  CHECK(p.y[11] == doctest::Approx(1.5 / std::sqrt(1.25 + 1e-5)));
  const passed single = pass(nn::layer_norm<float>(1), {2, 1}, {3, -1e30f}, {1, 1});
  CHECK(single.y == std::vector<float>{0, 0});
  CHECK(single.dx == std::vector<float>{0, 0});
  CHECK(message_of([] { nn::layer_norm<float>(0); }) == "distill: layer_norm: features is 0, at least 1 expected");
  CHECK(message_of([] { nn::layer_norm<float>(2, {.epsilon = 0}); }) ==
        "distill: layer_norm: epsilon is 0, above 0 expected");
  CHECK(message_of([&] {
          pass(layer, {2, 6}, std::vector<float>(12), {});
        }) == "distill: layer_norm(4): input is 2×6, …×4 expected");
}

TEST_CASE("dropout: a mask from seed, noise number and position alone") {
  const nn::dropout<float> layer(0.3, 5), other(0.3, 6);
  const std::size_t size = 50001;
  const std::vector<float> ones(size, 1.0f);
  const auto mask = [&](const nn::dropout<float>& with, std::uint64_t noise, int threads) {
    nn::tape<float> t({threads});
    t.train(noise);
    const nn::variable in = t.differentiable(nn::tensor_view<const float>(ones.data(), {1, index(size)}));
    const nn::variable out = with.forward(t, in);
    t.backward(out);
    const float *y = t.value(out).data, *dx = t.gradient(in).data;
    CHECK(std::equal(y, y + size, dx));
    return std::vector<float>(y, y + size);
  };
  const std::vector<float> first = mask(layer, 1, 1);
  CHECK(first == mask(layer, 1, 3));
  CHECK(first != mask(layer, 2, 1));
  CHECK(first != mask(other, 1, 1));
  const float kept = static_cast<float>(1 / 0.7);
  const auto zeros = std::count(first.begin(), first.end(), 0.0f);
  CHECK(std::count(first.begin(), first.end(), kept) + zeros == static_cast<std::ptrdiff_t>(size));
  CHECK(std::abs(static_cast<double>(zeros) / static_cast<double>(size) - 0.3) < 4 * std::sqrt(0.21 / 50001.0));
  double together = 0;  // neighbours are drawn from one word
  for (std::size_t i = 0; i + 1 < size; i += 2) together += first[i] == 0 && first[i + 1] == 0;
  CHECK(together / 25000 == doctest::Approx(0.09).epsilon(0.08));

  nn::tape<float> t;
  const nn::variable in = t.constant(nn::tensor_view<const float>(ones.data(), {7}));
  t.evaluate();
  CHECK(layer.forward(t, in).node == in.node);
  CHECK(message_of([] { nn::dropout<float>(1, 1); }) == "distill: dropout: p is 1, 0 ≤ p < 1 expected");
  CHECK_THROWS_AS(nn::dropout<float>(std::nan(""), 1), argument_error);
}

TEST_CASE("embedding: ids of any kind, padding, errors before anything is recorded") {
  nn::embedding<float> layer(4, 3, 9, {.padding = 2});
  CHECK(layer.weight().value()(2, 1) == 0);
  nn::tape<float> t({2});
  const std::vector<std::uint8_t> ids{1, 2, 1, 3, 1, 0};
  const nn::variable texts = layer.forward(t, ids, 3);
  CHECK(t.shape(texts) == nn::tensor_shape{2, 3, 3});
  CHECK(t.value(texts)(1, 1, 2) == layer.weight().value()(1, 2));
  t.backward(texts);
  const float expected[] = {1, 3, 0, 1};
  for (index i = 0; i < 4; ++i) CHECK(layer.weight().gradient()(i, 0) == expected[i]);
  const auto by_value = [&](float id) {
    const float values[] = {id, 0};
    return message_of([&] { layer.forward(t, t.constant(nn::tensor_view<const float>(values, {2}))); });
  };
  CHECK(by_value(3) == "no error");
  for (const float bad : {1.5f, -1.0f, 4.0f, nan})
    CHECK(by_value(bad) == "distill: embedding(4, 3): id 0 is -1, 0 to 3 expected");
  const std::vector<int> beyond{0, 4};
  CHECK(message_of([&] { layer.forward(t, beyond); }) == "distill: embedding(4, 3): id 1 is 4, 0 to 3 expected");
  CHECK(message_of([&] { layer.forward(t, ids, 4); }) ==
        "distill: embedding(4, 3): 6 ids given, a multiple of 4 expected");
  CHECK_THROWS_AS((nn::embedding<float>(4, 3, 1, {.padding = 4})), argument_error);
}

TEST_CASE("attention: a token that may look at nothing, masks of other shapes, one token") {
  nn::multi_head_self_attention<float> layer(6, 2, 3);
  std::fill_n(layer.out_bias().value().data, 6, 0.25f);
  nn::tape<float> t({2});
  const nn::tensor<float> x = random_tensor<float>({2, 3, 6}, 4);
  std::vector<float> pairs(9, 0), keys(6, 0);
  std::fill_n(pairs.data() + 3, 3, -inf);  // token 1
  keys[2] = -inf;
  nn::attention_mask<float> mask{{pairs.data(), {3, 3}}, {keys.data(), {2, 3}}};
  const nn::variable in = t.differentiable(x.view());
  const auto seen = layer.attend(t, in, mask);
  REQUIRE(t.shape(seen.maps) == nn::tensor_shape{2, 2, 3, 3});
  for (index n = 0; n < 2; ++n)
    for (index j = 0; j < 6; ++j) CHECK(t.value(seen.output)(n, 1, j) == 0.25f);
  CHECK(t.value(seen.maps)(0, 1, 0, 2) == 0);
  CHECK(t.value(seen.maps)(1, 1, 0, 2) > 0);
  t.backward(seen.output);
  CHECK(std::all_of(t.gradient(in).data, t.gradient(in).data + 36, [](float g) { return std::isfinite(g); }));
  const nn::variable alone = layer.forward(t, t.constant(nn::tensor_view<const float>(x.data(), {6, 1, 6})));
  CHECK(t.shape(alone) == nn::tensor_shape{6, 1, 6});
  mask.keys.shape = {3, 2};
  CHECK(message_of([&] { layer.attend(t, in, mask); }) ==
        "distill: multi_head_self_attention(6, 2): mask.keys is 3×2, 2×3 expected");
  CHECK(message_of([&] {
          layer.forward(t, t.constant(nn::tensor_view<const float>(x.data(), {6, 6})));
        }) == "distill: multi_head_self_attention(6, 2): input is 6×6, batch×tokens×6 expected");
  CHECK_THROWS_AS(nn::multi_head_self_attention<float>(6, 4, 1), argument_error);
}

TEST_CASE("functions on variables: what cannot be joined or cut is named with both shapes") {
  nn::tape<float> t;
  const nn::tensor<float> a({2, 3, 4}), b({2, 3});
  const nn::variable x = t.constant(a.view()), y = t.constant(b.view());
  CHECK(message_of([&] { nn::add(t, x, y); }) == "distill: add: a is 2×3×4, b is 2×3");
  CHECK(message_of([&] {
          nn::concatenate(t, {x, y}, 1);
        }) == "distill: concatenate: input 1 is 2×3, input 0 is 2×3×4, axis 1");
  CHECK(message_of([&] { nn::slice(t, x, 1, 2, 2); }) ==
        "distill: slice: positions 2 to 4 of extent 1 asked for, input is 2×3×4");
  CHECK(message_of([&] { nn::split<3>(t, x, 2); }) ==
        "distill: split: input is 2×3×4, extent 2 a multiple of 3 expected");
  CHECK(message_of([&] { nn::reshape(t, x, {5, 5}); }) == "distill: reshape: input is 2×3×4, shape is 5×5");
  CHECK(message_of([&] { nn::pixels_to_tokens(t, x); }) ==
        "distill: pixels_to_tokens: input is 2×3×4, batch×channels×height×width expected");
  CHECK_THROWS_AS(nn::tokens_to_pixels(t, x, 2, 2), argument_error);
  CHECK_THROWS_AS(nn::swap_axes(t, y), argument_error);
  CHECK(message_of([&] { nn::mean_over_tokens<float>().forward(t, y); }) ==
        "distill: mean_over_tokens: input is 2×3, batch×tokens×width expected");
  nn::sequential<float> model;
  model.add("wide", nn::residual<float>(nn::linear<float>(3, 2, 1)));
  CHECK(message_of([&] { model.forward(t, y); }) == "distill: layer wide, residual: branch gives 2×2, shortcut 2×3");
}

TEST_CASE("a small attention network: an empty batch, the same bits on any number of threads") {
  nn::network<float> model = nn::vision_transformer<float>({.dropout = 0.1, .second_outputs = 3, .second_tap = 1});
  const std::vector<nn::parameter<float>*> parameters = model.parameters();
  const nn::tensor<float> x = random_tensor<float>({16, 1, 28, 28}, 3);
  const auto step = [&](index batch, int threads) {
    zero_gradients(parameters);
    nn::tape<float> t({threads});
    const auto out = model.run(t, t.constant(nn::tensor_view<const float>(x.data(), {batch, 1, 28, 28})));
    CHECK(t.shape(out.logits) == nn::tensor_shape{batch, 10});
    CHECK(t.shape(out.second) == nn::tensor_shape{batch, 3});
    CHECK(out.tap_count == 4);
    CHECK(t.shape(out.taps[1]) == nn::tensor_shape{batch, 16, 64});
    quadratic_loss(t, out.logits);
    quadratic_loss(t, out.second);
    t.backward();
    std::vector<float> result(t.value(out.logits).data, t.value(out.logits).data + batch * 10);
    for (const nn::parameter<float>* p : parameters)
      result.insert(result.end(), p->gradient().data, p->gradient().data + p->size());
    return result;
  };
  const std::vector<float> empty = step(0, 2);
  CHECK(std::all_of(empty.begin(), empty.end(), [](float g) { return g == 0; }));
  const std::vector<float> alone = step(16, 1);
  CHECK(alone == step(16, 3));
  CHECK(std::any_of(alone.begin(), alone.end(), [](float g) { return g != 0; }));
}

TEST_CASE("a frozen block hands gradients on and gets none") {
  nn::transformer_block<float> block(6, 2, 5, 1);
  const std::vector<nn::parameter<float>*> parameters = block.parameters();
  const nn::tensor<float> x = random_tensor<float>({2, 3, 6}, 3);
  const auto input_gradient = [&] {
    zero_gradients(parameters);
    nn::tape<float> t;
    const nn::variable in = t.differentiable(x.view());
    quadratic_loss(t, block.forward(t, in));
    t.backward();
    return std::vector<float>(t.gradient(in).data, t.gradient(in).data + x.size());
  };
  const auto learned = [&](const nn::parameter<float>* p) {
    return std::any_of(p->gradient().data, p->gradient().data + p->size(), [](float g) { return g != 0; });
  };
  const std::vector<float> free = input_gradient();
  CHECK(std::all_of(parameters.begin(), parameters.end(), learned));
  for (nn::parameter<float>* p : parameters) p->trainable = false;
  CHECK(input_gradient() == free);
  CHECK(std::none_of(parameters.begin(), parameters.end(), learned));
}

TEST_CASE("network: names, taps, the second head, seeds") {
  nn::network<float> model =
      nn::mlp<float>({.inputs = 6, .hidden = {5, 4}, .outputs = 3, .second_outputs = 2, .seed = 8});
  std::string names;
  for (const nn::parameter<float>* p : model.parameters()) names += p->name + " ";
  CHECK(names ==
        "stage1.linear.weight stage1.linear.bias stage2.linear.weight stage2.linear.bias head.weight head.bias "
        "second.weight second.bias ");
  const nn::tensor<float> x = random_tensor<float>({2, 6}, 1);
  nn::tape<float> t;
  const nn::variable in = t.constant(x.view());
  const auto out = model.run(t, in);
  const float *whole = t.value(model.forward(t, in)).data, *logits = t.value(out.logits).data;
  CHECK(std::equal(logits, logits + 6, whole));
  CHECK(t.shape(out.taps[0]) == nn::tensor_shape{2, 5});
  CHECK(t.shape(out.second) == nn::tensor_shape{2, 2});
  nn::network<float> same =
      nn::mlp<float>({.inputs = 6, .hidden = {5, 4}, .outputs = 3, .second_outputs = 2, .seed = 8});
  nn::network<float> other =
      nn::mlp<float>({.inputs = 6, .hidden = {5, 4}, .outputs = 3, .second_outputs = 2, .seed = 9});
  const auto first_weight = [](nn::network<float>& of) { return of.parameters()[0]->value().data[0]; };
  CHECK(first_weight(model) == first_weight(same));
  CHECK(first_weight(model) != first_weight(other));
  CHECK(message_of([&] {
          model.forward(t, t.constant(nn::tensor_view<const float>(x.data(), {3, 4})));
        }) == "distill: layer stage1.linear, linear(6, 5): input is 3×4, batch×6 expected");
  CHECK(message_of([&] { model.set_head(nn::linear<float>(4, 3, 1)); }) == "distill: mlp: head is set already");
  nn::network<float> headless("headless");
  CHECK(message_of([&] { headless.forward(t, in); }) == "distill: headless: no head is set");
  CHECK_THROWS_AS(headless.set_second_head(nn::linear<float>(4, 3, 1), 0), argument_error);
}

TEST_CASE("initialise: Xavier's variances, zeros") {
  nn::tensor<double> w({300, 200});
  const auto variance = [&](nn::initialisation how, index fan_out) {
    nn::initialise(w.view(), how, 300, random_stream(3), fan_out);
    double squares = 0;
    for (index i = 0; i < w.size(); ++i) squares += w.data()[i] * w.data()[i];
    return squares / static_cast<double>(w.size());
  };
  CHECK(variance(nn::initialisation::xavier_uniform, 0) == doctest::Approx(2.0 / 500).epsilon(0.02));
  CHECK(variance(nn::initialisation::xavier_normal, 100) == doctest::Approx(2.0 / 400).epsilon(0.02));
  CHECK(variance(nn::initialisation::zeros, 0) == 0);
}

TEST_CASE("layers over dual numbers: gradients along a direction as differences have them") {
  using dual = distill::dual<double>;
  nn::sequential<double> plain;
  nn::sequential<dual> twin;
  const auto fill = [](auto& model, auto one) {
    using T = decltype(one);
    model.add(nn::embedding<T>(3, 6, 1));
    model.add(nn::residual<T>(nn::gelu<T>(), nn::tanh<T>()));
    model.add(nn::transformer_block<T>(6, 2, 5, 2, {.dropout = 0.2, .attention_dropout = 0.1}));
    model.add(nn::position_embedding<T>(4, 6, 3));
    model.add(nn::silu<T>());
    model.add(nn::log_softmax<T>());
    model.add(nn::mean_over_tokens<T>());
    model.add(nn::softmax<T>());
    model.add(nn::sigmoid<T>());
    model.add(nn::gelu<T>(nn::gelu_form::tanh));
  };
  fill(plain, 1.0);
  fill(twin, dual(1.0));
  const auto gradients = [](auto& model, auto one) {
    using T = decltype(one);
    const std::vector<nn::parameter<T>*> parameters = model.parameters();
    zero_gradients(parameters);
    nn::tape<T> t;
    const T ids[] = {0, 1, 2, 1, 2, 2, 0, 1};
    quadratic_loss(t, model.forward(t, t.constant(nn::tensor_view<const T>(ids, {2, 4}))));
    t.backward();
    std::vector<T> all;
    for (const nn::parameter<T>* p : parameters)
      all.insert(all.end(), p->gradient().data, p->gradient().data + p->size());
    return all;
  };
  const std::vector<nn::parameter<double>*> here = plain.parameters();
  const std::vector<nn::parameter<dual>*> there = twin.parameters();
  const auto move = [&](double along) {
    for (std::size_t k = 0; k < here.size(); ++k)
      for (index i = 0; i < here[k]->size(); ++i)
        here[k]->value().data[i] = there[k]->value().data[i].value + along * there[k]->value().data[i].slope;
  };
  for (nn::parameter<dual>* p : there)
    for (index i = 0; i < p->size(); ++i) p->value().data[i].slope = coefficient<double>(i);
  const std::vector<dual> found = gradients(twin, dual(1.0));
  const double h = 1e-5;
  move(0);
  const std::vector<double> middle = gradients(plain, 1.0);
  move(h);
  const std::vector<double> above = gradients(plain, 1.0);
  move(-h);
  const std::vector<double> below = gradients(plain, 1.0);
  double worst = 0, apart = 0, largest = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    apart = std::max(apart, std::abs(found[i].value - middle[i]));
    worst = std::max(worst, std::abs(found[i].slope - (above[i] - below[i]) / (2 * h)));
    largest = std::max(largest, std::abs(found[i].slope));
  }
  CHECK(apart < 1e-14);
  CHECK(worst < 1e-7 * largest);
}

}  // namespace nn_tests
