// The networks that the programs know by name.
#pragma once

#include <array>
#include <cstdint>
#include <distill/nn/model/convnet.hpp>
#include <distill/nn/model/lenet.hpp>
#include <distill/nn/model/mixer.hpp>
#include <distill/nn/model/mlp.hpp>
#include <distill/nn/model/resnet.hpp>
#include <distill/nn/model/vision_transformer.hpp>
#include <stdexcept>
#include <string>

namespace example {

/// A network for 28 × 28 images of ten classes, and what suits its training alone.
struct known_network {
  const char* name;
  distill::nn::network<float> (*make)(std::uint64_t seed);
  int epochs;
  double rate;
  bool mirror;           ///< images are mirrored
  distill::index shift;  ///< and shifted by up to so many pixels
  double work;           ///< how long a step takes beside one of tiny_mlp
};

inline const std::array<known_network, 8>& networks() {
  namespace nn = distill::nn;
  static const std::array<known_network, 8> all{{
      {"tiny_mlp", [](std::uint64_t seed) { return nn::mlp<float>({.hidden = {64}, .seed = seed}); }, 15, 2e-3, false,
       0, 1},
      {"mlp",
       [](std::uint64_t seed) {
         return nn::mlp<float>({.hidden = {256, 128}, .seed = seed});
       },
       15, 2e-3, false, 0, 1},
      {"wide_mlp",
       [](std::uint64_t seed) {
         return nn::mlp<float>({.hidden = {512, 256}, .seed = seed});
       },
       15, 1e-3, false, 0, 8},
      {"lenet", [](std::uint64_t seed) { return nn::lenet<float>({.seed = seed}); }, 20, 3e-3, true, 0, 20},
      {"convnet", [](std::uint64_t seed) { return nn::convnet<float>({.seed = seed}); }, 8, 2e-3, true, 2, 250},
      {"resnet", [](std::uint64_t seed) { return nn::resnet<float>({.seed = seed}); }, 8, 3e-3, true, 2, 90},
      {"mixer", [](std::uint64_t seed) { return nn::mixer<float>({.seed = seed}); }, 15, 2e-3, true, 2, 30},
      {"vision_transformer", [](std::uint64_t seed) { return nn::vision_transformer<float>({.seed = seed}); }, 15, 1e-3,
       true, 2, 40},
  }};
  return all;
}

/// Throws a sentence that lists the names.
inline const known_network& network_called(const std::string& name, const std::string& option) {
  std::string names;
  for (const known_network& known : networks()) {
    if (name == known.name) return known;
    names += (names.empty() ? "" : ", ") + std::string(known.name);
  }
  throw std::invalid_argument(option + ": there is no " + name + "; known: " + names);
}

}  // namespace example
