#include "networks.hpp"

#include <distill/nn/model/convnet.hpp>
#include <distill/nn/model/lenet.hpp>
#include <distill/nn/model/mixer.hpp>
#include <distill/nn/model/mlp.hpp>
#include <distill/nn/model/resnet.hpp>
#include <distill/nn/model/vision_transformer.hpp>

#include "names.hpp"

namespace example {

const std::vector<known_network>& networks() {
  namespace nn = distill::nn;
  using seed_type = std::uint64_t;
  const auto mlp = [](std::vector<distill::index> hidden) {
    return [hidden](seed_type seed) { return nn::mlp<float>({.hidden = hidden, .seed = seed}); };
  };
  static const std::vector<known_network> all{
      {.name = "tiny_mlp", .make = mlp({64}), .mirror = false},
      {.name = "mlp", .make = mlp({256, 128}), .mirror = false, .work = 4},
      {.name = "wide_mlp", .make = mlp({512, 256}), .rate = 1e-3, .mirror = false, .work = 8},
      {.name = "lenet",
       .make = [](seed_type seed) { return nn::lenet<float>({.seed = seed}); },
       .epochs = 20,
       .rate = 3e-3,
       .work = 20},
      {.name = "convnet",
       .make = [](seed_type seed) { return nn::convnet<float>({.seed = seed}); },
       .epochs = 10,
       .rate = 3e-3,
       .weight_decay = 0.1,
       .work = 250},
      {.name = "resnet",
       .make = [](seed_type seed) { return nn::resnet<float>({.seed = seed}); },
       .epochs = 8,
       .rate = 3e-3,
       .shift = 2,
       .work = 90},
      {.name = "mixer",
       .make = [](seed_type seed) { return nn::mixer<float>({.seed = seed}); },
       .shift = 2,
       .work = 30},
      {.name = "vision_transformer",
       .make = [](seed_type seed) { return nn::vision_transformer<float>({.seed = seed}); },
       .rate = 1e-3,
       .shift = 2,
       .work = 40},
  };
  return all;
}

const known_network& network_called(const std::string& name, const std::string& option) {
  return called(networks(), name, option, [](const known_network& n) { return n.name; });
}

}  // namespace example
