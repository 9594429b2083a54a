// The students that a search may choose from.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/random.hpp"
#include "../nn/batch_norm.hpp"
#include "../nn/conv2d.hpp"
#include "../nn/gelu.hpp"
#include "../nn/linear.hpp"
#include "../nn/max_pool.hpp"
#include "../nn/network.hpp"
#include "../nn/relu.hpp"
#include "../nn/sequential.hpp"
#include "../nn/silu.hpp"
#include "../nn/tanh.hpp"
#include "multiply_adds.hpp"
#include "random_choices.hpp"
#include "student_genome.hpp"

DISTILL_NAMESPACE_BEGIN

/// Multilayer perceptrons and small convolutional networks by depth, widths and activation. All end in `feature`
/// numbers, as many as the teacher's head sees, so that heads can be compared:
///
///     dense          [linear w, activation] × depth,                               linear feature, activation | head
///     convolutional  [conv 3×3 c, batch norm, activation, max pool 2] × depth,     linear feature, activation | head
///
/// Of the taps of such a network the last but one is the last feature map, the last is what the head sees.
struct student_space {
  nn::tensor_shape sample{1, 28, 28};  ///< of one input
  index outputs = 10;
  index feature = 64;
  index depth = 3;  ///< at most so many hidden layers, at least one
  std::vector<student_family> families{student_family::dense, student_family::convolutional};
  std::vector<student_activation> activations{student_activation::relu, student_activation::gelu,
                                              student_activation::silu, student_activation::tanh};
  std::vector<index> widths{16, 32, 64, 128};  ///< of dense layers
  std::vector<index> channels{4, 8, 16, 32};   ///< of convolutions: as many levels

  /// @throws argument_error  names what is empty, below 1 or does not fit
  void check() const {
    if (outputs < 1 || feature < 1 || depth < 1)
      fail("student_space: outputs is ", outputs, ", feature ", feature, ", depth ", depth, "; at least 1 expected");
    if (families.empty() || activations.empty() || widths.empty() || channels.size() != widths.size())
      fail("student_space: ", families.size(), " families, ", activations.size(), " activations, ", widths.size(),
           " widths, ", channels.size(), " channels; at least 1 each and as many channels as widths expected");
    for (std::size_t i = 0; i < widths.size(); ++i)
      if (widths[i] < 1 || channels[i] < 1)
        fail("student_space: level ", i, " has width ", widths[i], " and ", channels[i],
             " channels, at least 1 expected");
    if (depth >= static_cast<index>(nn::network<float>::most_taps))
      fail("student_space: depth is ", depth, ", at most ", nn::network<float>::most_taps - 1, " expected");
    require_different("families", families);
    require_different("activations", activations);
    const auto last = static_cast<std::size_t>(depth);
    for (const student_family family : families)
      multiply_adds({family, activations[0], std::vector<index>(last, index{0})});  // the deepest must fit the sample
  }

  /// Every choice uniform.
  student_genome draw(random_choices& choices) const {
    student_genome result{choices.of(families), choices.of(activations), {}};
    result.levels.resize(static_cast<std::size_t>(1 + choices.below(depth)));
    for (index& level : result.levels) level = choices.below(std::ssize(widths));
    return result;
  }

  /// Another genome that differs in one place: a layer's level, the activation, the family, a layer more or a layer
  /// less; every kind that is possible is equally likely. @throws argument_error  the space has one genome
  student_genome mutate(const student_genome& of, random_choices& choices) const {
    enum kind { level, activation, family, longer, shorter };
    const index levels = std::ssize(widths), layers = std::ssize(of.levels);
    std::vector<kind> kinds;
    if (levels > 1) kinds.push_back(level);
    if (activations.size() > 1) kinds.push_back(activation);
    if (families.size() > 1) kinds.push_back(family);
    if (layers < depth) kinds.push_back(longer);
    if (layers > 1) kinds.push_back(shorter);
    if (kinds.empty()) fail("student_space::mutate: the space has ", 1, " genome, at least 2 expected");
    student_genome result = of;
    switch (choices.of(kinds)) {
      case level: {
        index& changed = result.levels[static_cast<std::size_t>(choices.below(layers))];
        changed = choices.other(changed, levels);
        break;
      }
      case activation: result.activation = another(of.activation, activations, choices); break;
      case family: result.family = another(of.family, families, choices); break;
      case longer: {
        const index at = choices.below(layers + 1);
        result.levels.insert(result.levels.begin() + at, choices.below(levels));
        break;
      }
      case shorter: result.levels.erase(result.levels.begin() + choices.below(layers)); break;
    }
    return result;
  }

  /// Of one sample. @throws argument_error  a genome of another space, layers that the sample is too small for
  index multiply_adds(const student_genome& of) const {
    require(of);
    distill::multiply_adds cost(sample);
    for (const index level : of.levels) {
      if (of.family == student_family::dense) {
        cost.linear(width(of, level));
      } else {
        cost.conv2d(width(of, level), 3, {.padding = 1});
        cost.max_pool();
      }
    }
    cost.linear(feature);
    cost.linear(outputs);
    return cost.total();
  }

  /// The same weights for the same genome and seed. @throws argument_error  likewise
  template <class T>
  nn::network<T> build(const student_genome& of, std::uint64_t seed) const {
    multiply_adds(of);  // for its errors
    const random_stream seeds(seed);
    std::uint64_t layers = 0;
    nn::network<T> result("student " + text(of));
    nn::tensor_shape x = sample;
    for (const index level : of.levels) {
      nn::sequential<T> stage;
      const index w = width(of, level);
      if (of.family == student_family::dense) {
        stage.add("linear", nn::linear<T>(x.size(), w, seeds.bits(layers++)));
        x = {w};
      } else {
        stage.add("conv", nn::conv2d<T>(x[0], w, 3, seeds.bits(layers++), {.padding = 1, .bias = false}));
        stage.add("norm", nn::batch_norm<T>(w));
        x = {w, x[1] / 2, x[2] / 2};
      }
      add_activation(stage, of.activation);
      if (of.family == student_family::convolutional) stage.add("pool", nn::max_pool<T>());
      result.add_stage("stage" + std::to_string(layers), std::move(stage));
    }
    nn::sequential<T> last;
    last.add("linear", nn::linear<T>(x.size(), feature, seeds.bits(layers++)));
    add_activation(last, of.activation);
    result.add_stage("feature", std::move(last));
    result.set_head(nn::linear<T>(feature, outputs, seeds.bits(layers), nn::initialisation::xavier_uniform));
    return result;
  }

  /// "convolutional 8-16 gelu" @throws argument_error  a genome of another space
  std::string text(const student_genome& of) const {
    require(of);
    constexpr const char* activation_names[] = {"relu", "gelu", "silu", "tanh"};
    std::string result = of.family == student_family::dense ? "dense " : "convolutional ";
    for (std::size_t i = 0; i < of.levels.size(); ++i)
      result += (i == 0 ? "" : "-") + std::to_string(width(of, of.levels[i]));
    return result + " " + activation_names[static_cast<std::size_t>(of.activation)];
  }

 private:
  template <class T>
  static void add_activation(nn::sequential<T>& to, student_activation which) {
    switch (which) {
      case student_activation::relu: to.add("activation", nn::relu<T>()); break;
      case student_activation::gelu: to.add("activation", nn::gelu<T>()); break;
      case student_activation::silu: to.add("activation", nn::silu<T>()); break;
      case student_activation::tanh: to.add("activation", nn::tanh<T>()); break;
    }
  }
  template <class Value>
  static void require_different(const char* what, const std::vector<Value>& values) {
    for (std::size_t i = 0; i < values.size(); ++i)
      if (std::find(values.begin(), values.begin() + static_cast<index>(i), values[i]) !=
          values.begin() + static_cast<index>(i))
        fail("student_space: entry ", i, " of ", what, " is there already, each once expected");
  }
  template <class Value>
  static Value another(Value taken, const std::vector<Value>& values, random_choices& choices) {
    std::size_t at = 0;
    while (at + 1 < values.size() && values[at] != taken) ++at;
    return values[static_cast<std::size_t>(choices.other(static_cast<index>(at), std::ssize(values)))];
  }
  index width(const student_genome& of, index level) const {
    return (of.family == student_family::dense ? widths : channels)[static_cast<std::size_t>(level)];
  }
  void require(const student_genome& of) const {
    if (of.levels.empty() || std::ssize(of.levels) > depth)
      fail("student_space: genome has ", of.levels.size(), " layers, 1 to ", depth, " expected");
    for (const index level : of.levels)
      if (level < 0 || level >= std::ssize(widths))
        fail("student_space: genome has level ", level, ", 0 to ", std::ssize(widths) - 1, " expected");
  }
};

DISTILL_NAMESPACE_END
