// The networks that the programs know by name.
#pragma once

#include <cstdint>
#include <distill/nn/network.hpp>
#include <functional>
#include <string>
#include <vector>

namespace example {

/// A network for 28 × 28 images of ten classes, and what suits its training on all of Fashion-MNIST.
struct known_network {
  std::string name;
  std::function<distill::nn::network<float>(std::uint64_t seed)> make;
  int epochs = 15;
  double rate = 2e-3;  ///< the largest learning rate
  double weight_decay = 0.02;
  bool mirror = true;        ///< half of the images are mirrored
  distill::index shift = 0;  ///< and all shifted by up to so many pixels
  double work = 1;           ///< how long a step takes beside one of tiny_mlp, roughly
};

const std::vector<known_network>& networks();

/// Throws a sentence that lists the names.
const known_network& network_called(const std::string& name, const std::string& option);

}  // namespace example
