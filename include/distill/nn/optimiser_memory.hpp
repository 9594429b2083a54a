// What an optimiser remembers from step to step, for those who save it.
#pragma once

#include <string>
#include <vector>

#include "../config.hpp"
#include "parameter.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// Whatever takes the parts of a memory, by name: arrays, counts and numbers, all of which it may change.
template <class Visitor, class T>
concept memory_visitor = requires(Visitor& visit, const std::string& name, const tensor_view<T>& array, index& count,
                                  double& number) {
  visit(name, array);
  visit(name, count);
  visit(name, number);
};

/// An optimiser that can go on where another one stopped: visit_memory(parameters, visit) hands out everything that its
/// next step depends on besides parameters, gradients and options, always in the same order and under the same names:
/// "steps", "<parameter>.velocity". It makes room first where no step was taken yet, so that a fresh optimiser can be
/// filled. The list of parameters is the one that step() gets.
template <class Optimiser, class T>
concept has_memory = requires(Optimiser& o, const std::vector<parameter<T>*>& parameters) {
  o.visit_memory(parameters, [](const std::string&, auto&&) {});
};

}  // namespace nn
DISTILL_NAMESPACE_END
