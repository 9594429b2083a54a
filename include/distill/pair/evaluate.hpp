// The calls on a pair objective: its value, and its gradient with respect to every input.
#pragma once

#include "../config.hpp"
#include "../row/evaluate.hpp"
#include "algebra.hpp"
#include "call.hpp"
#include "check.hpp"
#include "options.hpp"
#include "workspace.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

template <pair_leaf O, class T>
double run(const O& objective, const feature_pair<T>& in, const feature_gradients<T>& out, double upstream, bool add,
           const execution& how, pair_workspace<T>& workspace) {
  const index items = in.student.items;
  const auto comparison = objective.comparison();
  constexpr bool concludes = requires { comparison.conclude(transport_report{}); };
  if constexpr (concludes) workspace.take_report();  // what a call that threw has left
  if (items == 0) {
    if constexpr (concludes) comparison.conclude({});
    return 0;
  }
  const double share = 1 / static_cast<double>(items);
  const pair_call<O, T> call(objective, in, out, upstream * share, add);
  const int threads = items == 1 ? 1 : how.count();
  const execution inside{items == 1 ? how.threads : 1};
  workspace.reserve_threads(threads);
  double* values = workspace.values(items);
  parallel_for(items, threads,
               [&](index item, int thread) { values[item] = call(item, workspace.scratch(thread), inside); });
  double value = 0;
  for (index i = 0; i < items; ++i) value += values[i];  // one order, whatever the threads did
  if constexpr (concludes) comparison.conclude(workspace.take_report());
  return value * share;
}

}  // namespace detail

/// The value of the objective, averaged over the items, and the gradient with respect to every input that `out` names.
/// No items, or items without rows or columns: value 0, gradient 0. Results do not depend on the number of threads.
/// @throws argument_error  before anything is written: numbers of items, rows or columns that do not match what the
///   objective compares, parameters out of range, gradients of another shape
/// @throws convergence_error  an objective that iterates to a tolerance has not reached it, and has no report to say so
///   in; the gradients are written by then
template <pair_objective O, class T>
double value_and_gradient(const O& objective, const feature_pair<T>& in,
                          const std::type_identity_t<feature_gradients<T>>& out, const pair_options& options,
                          pair_workspace<T>& workspace) {
  const auto sum = as_pair_sum(objective);
  detail::check_execution(options.execution);
  sum.each([&](const auto& item) { detail::check_features(item.leaf, in, out); });
  double value = 0;
  bool add = options.store == store_mode::accumulate;
  sum.each([&](const auto& item) {
    if (item.weight == 0) return;
    value += item.weight *
             detail::run(item.leaf, in, out, options.upstream * item.weight, add, options.execution, workspace);
    add = true;
  });
  if (!add) detail::cleared(out);  // every weight is 0
  return value;
}

template <pair_objective O, class T>
double value(const O& objective, const feature_pair<T>& in, const pair_options& options, pair_workspace<T>& workspace) {
  return value_and_gradient(objective, in, feature_gradients<T>{}, options, workspace);
}

/// The same calls with scratch of their own, for where an allocation does not matter.
template <pair_objective O, class T>
double value_and_gradient(const O& objective, const feature_pair<T>& in,
                          const std::type_identity_t<feature_gradients<T>>& out, const pair_options& options = {}) {
  pair_workspace<T> workspace;
  return value_and_gradient(objective, in, out, options, workspace);
}
template <pair_objective O, class T>
double value(const O& objective, const feature_pair<T>& in, const pair_options& options = {}) {
  pair_workspace<T> workspace;
  return value(objective, in, options, workspace);
}

DISTILL_NAMESPACE_END
