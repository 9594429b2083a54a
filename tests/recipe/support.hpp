// A small course that both sides know: tests/reference/recipes/course.py takes the same steps with the same numbers.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <distill/nn/model/mlp.hpp>
#include <distill/nn/parameter_list.hpp>
#include <distill/nn/sgd.hpp>
#include <distill/recipe/recipe.hpp>

#include "harness/message.hpp"
#include "harness/recorded.hpp"

namespace recipe_tests {

namespace nn = distill::nn;
using distill::argument_error;
using distill::index;
using distill::lesson;
using distill::matrix_view;
using harness::message_of;

using harness::number;
using harness::recorded;

inline void fill(const nn::tensor_view<double>& to, index seed, double scale = 1) {
  for (index i = 0; i < to.size(); ++i) to.data[i] = scale * number(i, seed);
}
inline nn::tensor<double> filled(const nn::tensor_shape& shape, index seed, double scale = 1) {
  nn::tensor<double> result(shape);
  fill(result.view(), seed, scale);
  return result;
}

/// 40 samples of 6 numbers and 4 classes, ten a step, in turn; every third label is unknown. The student is 6-8-5-4.
class course {
 public:
  static constexpr index samples = 40, in_step = 10, inputs = 6, classes = 4, feature = 5, steps = 24;

  course() {
    std::vector<nn::parameter<double>*> parameters = student.parameters();
    for (std::size_t k = 0; k < parameters.size(); ++k) fill(parameters[k]->value(), static_cast<index>(k) + 1);
    for (index i = 0; i < samples; ++i) {
      const int truth = static_cast<int>((i * i + i / 3) % classes);
      const double* row = teacher.data() + i * classes;
      const bool known = i % 3 != 2;
      labels.push_back(known ? truth : static_cast<int>(lesson<double>::unlabelled));
      guesses.push_back(known ? truth : static_cast<int>(std::max_element(row, row + classes) - row));
    }
  }

  lesson<double> at(index step) const {
    const index first = step % (samples / in_step) * in_step;
    const auto part = [&](const std::vector<int>& all) { return std::span(all).subspan(std::size_t(first), in_step); };
    return {.input = {x.data() + first * inputs, {in_step, inputs}},
            .labels = part(labels),
            .classes = part(guesses),
            .teacher = {teacher.data() + first * classes, in_step, classes},
            .teacher_feature = {features.data() + first * feature, in_step, feature},
            .progress = static_cast<double>(step) / static_cast<double>(steps)};
  }

  nn::network<double> student = nn::mlp<double>({.inputs = inputs, .hidden = {8, feature}, .outputs = classes});
  nn::tensor<double> x = filled({samples, inputs}, 11), teacher = filled({samples, classes}, 12, 4),
                     features = filled({samples, feature}, 13, 2);
  std::vector<int> labels, guesses;
};

/// The parameters of a recipe from seed 31 on, as the scripts have them.
inline void number_own(distill::recipe<double>& method) {
  const auto own = method.parameters();
  for (std::size_t k = 0; k < own.size(); ++k) fill(own[k]->value(), static_cast<index>(k) + 31);
}

/// The largest distance, in units of the largest wanted number or 1.
inline double apart(const std::vector<double>& got, const std::vector<double>& wanted) {
  REQUIRE(got.size() == wanted.size());
  double scale = 1, worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    scale = std::max(scale, std::abs(wanted[i]));
    worst = std::max(worst, std::abs(got[i] - wanted[i]));
    if (std::isnan(got[i]) != std::isnan(wanted[i])) return INFINITY;
  }
  return worst / scale;
}

/// Takes the course with SGD (momentum 0.9, the given rate) and compares with the recorded one: line `loss`, line
/// `last` (all that was learned, flat), and for every `state` its line, what it returns after each step.
inline void follow(const std::string& name, distill::recipe<double>& method, course& c,
                   const std::map<std::string, std::function<std::vector<double>()>>& states = {}, double rate = 0.05,
                   double bound = 1e-11) {
  CAPTURE(name);
  const auto wanted = recorded(name);
  const auto learned = distill::learned_by(method, c.student);
  nn::sgd<double> optimiser({.momentum = 0.9});
  nn::tape<double> tape;
  std::vector<double> losses;
  std::map<std::string, std::vector<double>> seen;
  for (index step = 0; step < course::steps; ++step) {
    losses.push_back(distill::learn(method, c.student, learned, c.at(step), optimiser, rate, tape));
    for (const auto& [tag, now] : states)
      for (const double value : now()) seen[tag].push_back(value);
  }
  CHECK(apart(losses, wanted.at("loss")) <= bound);
  CHECK(apart(nn::flat_values(learned), wanted.at("last")) <= bound);
  for (const auto& line : seen) {
    CAPTURE(line.first);
    CHECK(apart(line.second, wanted.at(line.first)) <= bound);
  }
}

}  // namespace recipe_tests
