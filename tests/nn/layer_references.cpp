// Every layer and every model against PyTorch in float64: what tests/reference/generate_layers.py has written.
#include <distill/nn/average_pool.hpp>
#include <distill/nn/concatenate.hpp>
#include <distill/nn/embedding.hpp>
#include <distill/nn/flatten.hpp>
#include <distill/nn/gelu.hpp>
#include <distill/nn/global_average_pool.hpp>
#include <distill/nn/log_softmax.hpp>
#include <distill/nn/model/convnet.hpp>
#include <distill/nn/model/lenet.hpp>
#include <distill/nn/model/mixer.hpp>
#include <distill/nn/model/mlp.hpp>
#include <distill/nn/model/resnet.hpp>
#include <distill/nn/model/vision_transformer.hpp>
#include <distill/nn/residual.hpp>
#include <distill/nn/sigmoid.hpp>
#include <distill/nn/silu.hpp>
#include <distill/nn/softmax.hpp>
#include <distill/nn/split.hpp>
#include <distill/nn/tanh.hpp>
#include <distill/nn/tokens_to_pixels.hpp>

#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <stdexcept>

#include "harness/ulp.hpp"
#include "support.hpp"

namespace nn_tests {
namespace {

struct listed_tensor {
  nn::tensor_shape shape;
  std::vector<double> numbers;

  template <class T>
  nn::tensor<T> as() const {
    nn::tensor<T> result(shape);
    std::transform(numbers.begin(), numbers.end(), result.data(), [](double v) { return static_cast<T>(v); });
    return result;
  }
};

struct reference_case {
  std::string name;
  bool training = true;
  std::map<std::string, listed_tensor> tensors;

  bool has(const std::string& role) const { return tensors.count(role) > 0; }
  const listed_tensor& at(const std::string& role) const {
    if (!has(role)) throw std::out_of_range("case " + name + " has no " + role);
    return tensors.at(role);
  }
};

/// As in the generator: in [-2, 2), 18 bits after the point.
double number(index i, index seed) {
  return static_cast<double>((i * 7919 + seed * 104729 + 12345) * 69621 % 1048573 - 524286) / 262144;
}

std::vector<reference_case> reference_cases() {
  std::ifstream file(DISTILL_TEST_DATA "/layers.txt");
  if (!file) throw std::runtime_error("cannot read layers.txt in " DISTILL_TEST_DATA);
  std::vector<reference_case> cases;
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("case ", 0) == 0) {
      cases.emplace_back().name = line.substr(5);
      std::string& name = cases.back().name;
      if (name.size() > 5 && name.substr(name.size() - 5) == " eval") {
        cases.back().training = false;
        name.resize(name.size() - 5);
      }
      continue;
    }
    std::istringstream words(line);
    std::string role, word;
    std::vector<index> extents;
    words >> role;
    while (words >> word && word != ":" && word != "=") extents.push_back(std::stol(word));
    listed_tensor t{nn::tensor_shape(extents), {}};
    if (word == ":") {
      while (words >> word) t.numbers.push_back(std::strtod(word.c_str(), nullptr));
    } else {
      index seed = 0;
      double scale = 0, offset = 0;
      words >> seed >> scale >> offset;
      for (index i = 0; i < t.shape.size(); ++i) t.numbers.push_back(offset + scale * number(i, seed));
    }
    REQUIRE(static_cast<index>(t.numbers.size()) == t.shape.size());
    cases.back().tensors[role] = t;
  }
  return cases;
}

/// A function on variables as a layer.
template <class T>
class function_layer : public nn::layer<T> {
 public:
  using function = std::function<nn::variable(nn::tape<T>&, nn::variable)>;
  explicit function_layer(function f) : nn::layer<T>("function"), f_(std::move(f)) {}
  nn::variable forward(nn::tape<T>& t, nn::variable x) const override { return f_(t, x); }

 private:
  function f_;
};

template <class T>
using owned = std::unique_ptr<nn::layer<T>>;

template <class Layer>
auto own(Layer made) {
  return std::make_unique<Layer>(std::move(made));
}

template <class T>
owned<T> function_named(const std::string& name) {
  typename function_layer<T>::function f;
  if (name == "concatenate")
    f = [](nn::tape<T>& t, nn::variable x) {
      const nn::variable square = t.record(  // x², so that the parts differ
          [&] {
            const auto y = t.allocate(t.shape(x));
            for (index i = 0; i < y.size(); ++i) y.data[i] = t.value(x).data[i] * t.value(x).data[i];
            return y;
          }(),
          {x},
          [](nn::tape<T>& on, nn::variable self) {
            const auto to = on.zeroed_gradient(on.input(self, 0));
            for (index i = 0; i < to.size(); ++i)
              to.data[i] += 2 * on.value(on.input(self, 0)).data[i] * on.gradient(self).data[i];
          });
      return nn::concatenate(t, {nn::slice(t, x, 1, 1, 2), x, square}, 1);
    };
  if (name == "split")  // q v + k: what a gate does
    f = [](nn::tape<T>& t, nn::variable x) {
      const auto parts = nn::split<3>(t, x, 2);
      const auto q = t.value(parts[0]), v = t.value(parts[2]);
      const auto y = t.allocate(q.shape);
      for (index i = 0; i < y.size(); ++i) y.data[i] = q.data[i] * v.data[i];
      const nn::variable product = t.record(y, {parts[0], parts[2]}, [](nn::tape<T>& on, nn::variable self) {
        for (const std::size_t which : {0u, 1u}) {
          const auto to = on.zeroed_gradient(on.input(self, which));
          const auto other = on.value(on.input(self, 1 - which));
          for (index i = 0; i < to.size(); ++i) to.data[i] += other.data[i] * on.gradient(self).data[i];
        }
      });
      return nn::add(t, product, parts[1]);
    };
  if (name == "tokens") f = [](nn::tape<T>& t, nn::variable x) { return nn::pixels_to_tokens(t, x); };
  if (name == "pixels") f = [](nn::tape<T>& t, nn::variable x) { return nn::tokens_to_pixels(t, x, 2, 3); };
  return f ? std::make_unique<function_layer<T>>(f) : nullptr;
}

template <class T>
owned<T> layer_named(const std::string& name) {
  if (name == "gelu") return own(nn::gelu<T>());
  if (name == "gelu_tanh") return own(nn::gelu<T>(nn::gelu_form::tanh));
  if (name == "silu") return own(nn::silu<T>());
  if (name == "tanh") return own(nn::tanh<T>());
  if (name == "sigmoid") return own(nn::sigmoid<T>());
  if (name == "relu") return own(nn::relu<T>());
  if (name == "softmax" || name == "softmax masked") return own(nn::softmax<T>());
  if (name == "log_softmax") return own(nn::log_softmax<T>());
  if (name == "flatten") return own(nn::flatten<T>());
  if (name == "mean_over_tokens") return own(nn::mean_over_tokens<T>());
  if (name == "position_embedding") return own(nn::position_embedding<T>(4, 5, 1));
  if (name == "embedding") return own(nn::embedding<T>(5, 4, 1, {.padding = 1}));
  if (name == "linear") return own(nn::linear<T>(6, 5, 1));
  if (name == "conv2d") return own(nn::conv2d<T>(2, 3, 3, 1));
  if (name == "conv2d padded") return own(nn::conv2d<T>(3, 4, 3, 1, {.padding = 1}));
  if (name == "conv2d strided") return own(nn::conv2d<T>(2, 3, 3, 1, {.stride = 2, .padding = 1}));
  if (name == "conv2d 5x5") return own(nn::conv2d<T>(2, 2, 5, 1, {.padding = 2, .bias = false}));
  if (name == "conv2d 1x1") return own(nn::conv2d<T>(5, 3, 1, 1, {.stride = 2}));
  if (name == "conv2d grouped") return own(nn::conv2d<T>(4, 6, 3, 1, {.padding = 1, .groups = 2}));
  if (name == "conv2d depthwise") return own(nn::conv2d<T>(4, 4, 3, 1, {.padding = 1, .groups = 4, .bias = false}));
  if (name == "conv2d wide") return own(nn::conv2d<T>(8, 8, 3, 1, {.padding = 1}));
  if (name == "max_pool") return own(nn::max_pool<T>(2));
  if (name == "max_pool overlapping") return own(nn::max_pool<T>(3, 2));
  if (name == "average_pool") return own(nn::average_pool<T>(2));
  if (name == "average_pool overlapping") return own(nn::average_pool<T>(3, 2));
  if (name == "global_average_pool") return own(nn::global_average_pool<T>());
  if (name == "batch_norm") return own(nn::batch_norm<T>(4));
  if (name == "layer_norm") return own(nn::layer_norm<T>(13));
  if (name == "layer_norm maps") return own(nn::layer_norm<T>(18));
  if (name == "layer_norm plain") return own(nn::layer_norm<T>(7, {.affine = false}));
  if (name == "layer_norm far") return own(nn::layer_norm<T>(16, {.affine = false}));
  if (name == "attention") return own(nn::multi_head_self_attention<T>(6, 2, 1));
  if (name == "attention masked") return own(nn::multi_head_self_attention<T>(6, 3, 1));
  if (name == "residual") {
    nn::sequential<T> branch;
    branch.add(nn::tanh<T>());
    branch.add(nn::linear<T>(6, 4, 1));
    return own(nn::residual<T>(std::move(branch), nn::linear<T>(6, 4, 1)));
  }
  if (name == "mlp") return own(nn::mlp<T>({.inputs = 6, .hidden = {5, 4}, .outputs = 3, .second_outputs = 2}));
  if (name == "lenet") return own(nn::lenet<T>({.height = 6, .width = 6, .widths = {3, 4}, .outputs = 3}));
  if (name == "convnet") return own(nn::convnet<T>({.height = 4, .width = 5, .stages = {{3, 3}}, .outputs = 3}));
  if (name == "resnet")
    return own(nn::resnet<T>({.widths = {3, 5}, .outputs = 4, .second_outputs = 2, .second_tap = 1}));
  if (name == "vision_transformer")
    return own(nn::vision_transformer<T>({.height = 8,
                                          .width = 8,
                                          .patch = 4,
                                          .features = 6,
                                          .heads = 2,
                                          .hidden = 8,
                                          .blocks = 2,
                                          .outputs = 3,
                                          .second_outputs = 2,
                                          .second_tap = 1}));
  if (name == "mixer")
    return own(nn::mixer<T>({.height = 8,
                             .width = 8,
                             .patch = 4,
                             .features = 6,
                             .token_hidden = 5,
                             .channel_hidden = 8,
                             .blocks = 1,
                             .outputs = 3}));
  return function_named<T>(name);
}

/// The error of one tensor: in double ‖got − exact‖/‖exact‖, in float max |got − exact| in units of the last place of
/// the largest entry. A tensor that is 0 but for rounding counts as if of size 1 (the mixer's first bias shifts whole
/// tokens, which the layer norms take out again). Infinities and NaN must be the same.
template <class T>
double distance(const T* got, const listed_tensor& exact) {
  double apart = 0, size = 0, farthest = 0, largest = 0;
  for (std::size_t i = 0; i < exact.numbers.size(); ++i) {
    const double wanted = exact.numbers[i], here = static_cast<double>(got[i]);
    if (!std::isfinite(wanted) || !std::isfinite(here)) {
      if (!(here == wanted)) return std::numeric_limits<double>::infinity();
      continue;
    }
    apart += (here - wanted) * (here - wanted);
    size += wanted * wanted;
    farthest = std::max(farthest, std::abs(here - wanted));
    largest = std::max(largest, std::abs(wanted));
  }
  if (largest < 1e-13) largest = size = 1;
  return sizeof(T) == 4 ? farthest / static_cast<double>(harness::unit_at<float>(largest)) : std::sqrt(apart / size);
}

struct error_at {
  double error = 0;
  std::string where = "nothing";
};

/// Runs a case on `threads` threads and returns the largest distance and where it is.
template <class T>
error_at worst_of(const reference_case& c, int threads) {
  const owned<T> layer = layer_named<T>(c.name);
  REQUIRE(layer != nullptr);
  std::vector<nn::parameter<T>*> all = layer->parameters(), buffers = layer->buffers();
  all.insert(all.end(), buffers.begin(), buffers.end());
  for (nn::parameter<T>* p : all) {
    CAPTURE(p->name);
    const nn::tensor<T> given = c.at(p->name).template as<T>();
    REQUIRE(given.shape() == p->shape());
    std::copy_n(given.data(), given.size(), p->value().data);
  }
  nn::tape<T> t({threads});
  if (!c.training) t.evaluate();
  if (c.has("before")) {
    const nn::tensor<T> before = c.at("before").template as<T>();
    layer->forward(t, t.constant(before.view()));
    t.reset();
  }
  const nn::tensor<T> x = c.at("input").template as<T>();
  const nn::variable in = t.differentiable(x.view());
  std::map<std::string, nn::variable> outputs;
  nn::tensor<T> pairs, keys;
  if (const auto* net = dynamic_cast<const nn::network<T>*>(layer.get())) {
    const auto found = net->run(t, in);
    outputs[""] = found.logits;
    if (net->has_second_head()) outputs[".second"] = found.second;
  } else if (const auto* looks = dynamic_cast<const nn::multi_head_self_attention<T>*>(layer.get())) {
    nn::attention_mask<T> mask;
    if (c.has("mask.pairs")) mask.pairs = (pairs = c.at("mask.pairs").template as<T>()).view();
    if (c.has("mask.keys")) mask.keys = (keys = c.at("mask.keys").template as<T>()).view();
    const auto found = looks->attend(t, in, mask);
    outputs[""] = found.output;
    outputs[".maps"] = found.maps;
  } else {
    outputs[""] = layer->forward(t, in);
  }

  error_at worst;
  std::set<std::string> compared;
  const auto compare = [&](const std::string& role, const T* got) {
    const double d = distance(got, c.at(role));
    compared.insert(role);
    if (!(d <= worst.error)) worst = {d, role};
  };
  std::vector<nn::tensor<T>> upstream;
  for (const auto& [suffix, y] : outputs) {
    REQUIRE(t.shape(y) == c.at("output" + suffix).shape);
    compare("output" + suffix, t.value(y).data);
    upstream.push_back(c.at("upstream" + suffix).template as<T>());
    REQUIRE(t.shape(y) == upstream.back().shape());
    hand_back<T>(t, y, upstream.back().data());
  }
  t.backward();
  if (c.has("d.input")) compare("d.input", t.gradient(in).data);
  for (const nn::parameter<T>* p : layer->parameters()) compare("d." + p->name, p->gradient().data);
  if (c.training)
    for (const nn::parameter<T>* p : buffers) compare("after." + p->name, p->value().data);
  for (const auto& listed : c.tensors) {
    const std::string& role = listed.first;
    CAPTURE(role);
    const bool result = role.rfind("output", 0) == 0 || role.rfind("d.", 0) == 0 || role.rfind("after.", 0) == 0;
    CHECK((!result || compared.count(role) == 1));
  }
  return worst;
}

}  // namespace

TEST_CASE("layers and models in double: within 1e-12 of PyTorch, in the norm of each tensor") {
  for (const reference_case& c : reference_cases()) {
    CAPTURE(c.name);
    const error_at worst = worst_of<double>(c, 2);
    CAPTURE(worst.where);
    CHECK(worst.error <= 1e-12);
  }
}

TEST_CASE("layers and models in float: units of the last place of each tensor's largest entry") {
  // About twice what is measured, for other lanes sum in another order.
  const std::map<std::string, double> exact{{"relu", 0},      {"flatten", 0},           {"tokens", 0},
                                            {"pixels", 0},    {"max_pool", 0},          {"max_pool overlapping", 0},
                                            {"embedding", 0}, {"position_embedding", 0}};
  const std::map<std::string, double> more{{"softmax", 6},    {"conv2d padded", 8},       {"conv2d grouped", 6},
                                           {"attention", 15}, {"attention masked", 9},    {"convnet", 16},
                                           {"resnet", 32},    {"vision_transformer", 13}, {"mixer", 20}};
  for (const reference_case& c : reference_cases()) {
    CAPTURE(c.name);
    const error_at worst = worst_of<float>(c, 1);
    CAPTURE(worst.where);
    CHECK(worst.error <= (exact.count(c.name) > 0 ? 0 : more.count(c.name) > 0 ? more.at(c.name) : 5));
#ifdef DISTILL_TEST_REPORT
    std::printf("%-26s %.2f ulp at %s\n", c.name.c_str(), worst.error, worst.where.c_str());
#endif
  }
}

}  // namespace nn_tests
