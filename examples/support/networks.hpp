// The networks that the programs know by name.
#pragma once

#include <cstdint>
#include <distill/nn/model/convnet.hpp>
#include <distill/nn/model/lenet.hpp>
#include <distill/nn/model/mixer.hpp>
#include <distill/nn/model/mlp.hpp>
#include <distill/nn/model/resnet.hpp>
#include <distill/nn/model/vision_transformer.hpp>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace example {

/// A network for 28 × 28 images of ten classes, and what suits its training on all of Fashion-MNIST.
struct known_network {
  std::string name;
  std::function<distill::nn::network<float>(std::uint64_t seed)> make;
  int epochs = 15;
  double rate = 2e-3;        ///< the largest learning rate
  bool mirror = true;        ///< half of the images are mirrored
  distill::index shift = 0;  ///< and all shifted by up to so many pixels
  double work = 1;           ///< how long a step takes beside one of tiny_mlp, roughly
};

inline const std::vector<known_network>& networks() {
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
       .epochs = 6,
       .shift = 2,
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

/// Throws a sentence that lists the names.
inline const known_network& network_called(const std::string& name, const std::string& option) {
  std::string names;
  for (const known_network& known : networks()) {
    if (name == known.name) return known;
    names += (names.empty() ? "" : ", ") + known.name;
  }
  throw std::invalid_argument(option + ": there is no " + name + "; known: " + names);
}

}  // namespace example
