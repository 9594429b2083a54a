// Whether a node or a layer differentiates itself correctly.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../core/random.hpp"
#include "layer.hpp"
#include "tape.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

struct gradient_check_options {
  double step = 1e-4;      ///< of the differences, times max(1, |x|)
  int projections = 2;     ///< random directions of the output that are differentiated
  std::uint64_t seed = 0;  ///< of the directions, and what dropout draws
  bool training = true;
};

/// What gradient_check found: where the gradient is farthest from the differences, and by how much.
struct gradient_report {
  double worst = 0;   ///< |tape − difference| over the largest |gradient| of the same array
  std::string where;  ///< "input 0", or the parameter's name
  index element = 0;
  double from_tape = 0, from_differences = 0;

  std::string text() const {
    return where + "[" + std::to_string(element) + "]: " + std::to_string(from_tape) + " from the tape, " +
           std::to_string(from_differences) + " from differences, relative error " + std::to_string(worst);
  }
};

/// Differentiates random projections Σ c y of a function's result by the tape and by central differences of fourth
/// order, (8 (L(x + h) − L(x − h)) − L(x + 2h) + L(x − 2h)) / 12h, in every element of every input and parameter.
///
///     nn::gradient_report r = nn::gradient_check(
///         [](nn::tape<double>& t, std::span<const nn::variable> x) { return my_node(t, x[0], x[1]); },
///         {a.view(), b.view()}, {&weight});
///     CHECK_MESSAGE(r.worst < 1e-8, r.text());
///
/// Smooth functions come out below 1e-9. The function is recorded twice on the same inputs, and every gradient of a
/// parameter starts from something else than 0: a backward function that writes where it ought to add is found, too. At
/// a kink (a ReLU's input within 2h of zero) differences mean nothing. Inputs, values and gradients are afterwards what
/// they were. Takes 4 · projections · elements evaluations: give it small shapes.
/// @throws argument_error  step that is not positive, projections below 1
template <class Function>
gradient_report gradient_check(const Function& function, const std::vector<tensor_view<double>>& inputs,
                               const std::vector<parameter<double>*>& parameters = {},
                               const gradient_check_options& options = {}) {
  if (!(options.step > 0)) fail("gradient_check: step is ", options.step, ", above 0 expected");
  if (options.projections < 1) fail("gradient_check: projections is ", options.projections, ", at least 1 expected");
  tape<double> t;
  std::vector<variable> variables;
  const auto projected = [&](const random_stream& c) {  // L, recorded
    const variable y = function(t, std::span<const variable>(variables));
    const tensor_view<const double> value = t.value(y);
    double sum = 0;
    for (index i = 0; i < value.size(); ++i) sum += c.normal(static_cast<std::uint64_t>(i)) * value.data[i];
    return *t.value(t.record_loss(sum, {y}, [c](tape<double>& on, variable self) {
               const tensor_view<double> to = on.zeroed_gradient(on.input(self, 0));
               const double weight = *on.gradient(self).data;
               for (index i = 0; i < to.size(); ++i) to.data[i] += weight * c.normal(static_cast<std::uint64_t>(i));
             })).data;
  };
  const auto begin = [&] {
    t.reset();
    if (options.training)
      t.train(options.seed);
    else
      t.evaluate();
    variables.clear();
    for (const tensor_view<double>& x : inputs) variables.push_back(t.differentiable(x));
  };

  gradient_report report;
  const auto compare = [&](const tensor_view<double>& x, const std::vector<double>& gradient, const std::string& where,
                           const random_stream& c) {
    double largest = 0;
    std::vector<double> differences;
    for (index i = 0; i < x.size(); ++i) {
      const double kept = x.data[i], h = options.step * std::max(1.0, std::abs(kept));
      const auto at = [&](double moved) {
        x.data[i] = kept + moved;
        begin();
        const double value = projected(c);
        x.data[i] = kept;
        return value;
      };
      differences.push_back((8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h));
      largest = std::max({largest, std::abs(differences.back()), std::abs(gradient[static_cast<std::size_t>(i)])});
    }
    for (std::size_t i = 0; i < differences.size(); ++i) {
      const double apart = std::abs(gradient[i] - differences[i]) / (largest > 0 ? largest : 1);
      if (report.where.empty() || apart > report.worst || (std::isnan(apart) && !std::isnan(report.worst)))
        report = {apart, where, static_cast<index>(i), gradient[i], differences[i]};
    }
  };
  for (int p = 0; p < options.projections && !std::isnan(report.worst); ++p) {
    const random_stream c(options.seed, static_cast<std::uint64_t>(p));
    std::vector<std::vector<double>> kept;
    for (parameter<double>* q : parameters) {
      kept.emplace_back(q->gradient().data, q->gradient().data + q->size());
      std::fill_n(q->gradient().data, q->size(), 1.0);
    }
    begin();
    projected(c);
    projected(c);
    t.backward();
    std::vector<std::vector<double>> found;
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      const double* g = t.gradient(variables[k]).data;
      found.emplace_back(static_cast<std::size_t>(inputs[k].size()));
      for (std::size_t i = 0; g != nullptr && i < found.back().size(); ++i) found.back()[i] = g[i] / 2;
    }
    for (std::size_t k = 0; k < parameters.size(); ++k) {
      const double* g = parameters[k]->gradient().data;
      found.emplace_back();
      for (index i = 0; i < parameters[k]->size(); ++i) found.back().push_back((g[i] - 1) / 2);
      std::copy(kept[k].begin(), kept[k].end(), parameters[k]->gradient().data);
    }
    for (std::size_t k = 0; k < inputs.size(); ++k) compare(inputs[k], found[k], "input " + std::to_string(k), c);
    for (std::size_t k = 0; k < parameters.size(); ++k)
      if (parameters[k]->trainable) compare(parameters[k]->value(), found[inputs.size() + k], parameters[k]->name, c);
  }
  return report;
}

/// Of a layer, at an input: `nn::gradient_check(layer, x.view())`. Its buffers are put back afterwards.
inline gradient_report gradient_check(layer<double>& of, const tensor_view<double>& input,
                                      const gradient_check_options& options = {}) {
  std::vector<std::vector<double>> kept;
  for (const parameter<double>* b : of.buffers()) kept.emplace_back(b->value().data, b->value().data + b->size());
  const auto function = [&](tape<double>& t, std::span<const variable> x) { return of.forward(t, x[0]); };
  const gradient_report report = gradient_check(function, {input}, of.parameters(), options);
  std::size_t k = 0;
  for (const parameter<double>* b : of.buffers()) std::copy(kept[k].begin(), kept[k].end(), b->value().data), ++k;
  return report;
}

}  // namespace nn
DISTILL_NAMESPACE_END
