// Many transport problems, each solved on its own, in parallel.
#pragma once

#include <deque>
#include <span>

#include "solve.hpp"

DISTILL_NAMESPACE_BEGIN

/// A transport_workspace for every thread, a number for every problem.
template <class T>
struct transport_batch_workspace {
  std::deque<transport_workspace<T>> of_thread;
  buffer<double> masses;
};

/// solve_transport() for every problem; results[k] and, unless `out` is empty, gradients[k] are those of problem k. The
/// shapes may differ. A single problem has all threads to itself.
/// @throws argument_error  before anything is written: other numbers of gradients or results than of problems; as
///   solve_transport(), for any of them
template <class T>
void solve_transports(std::type_identity_t<std::span<const transport_problem<T>>> problems,
                      const sinkhorn_options& options,
                      std::type_identity_t<std::span<const transport_gradients<T>>> out,
                      std::span<transport_result> results, transport_batch_workspace<T>& workspace,
                      const execution& how = {}) {
  const index count = std::ssize(problems);
  if (!out.empty() && std::ssize(out) != count)
    fail("solve_transports: gradients for ", std::ssize(out), " problems, there are ", count);
  if (std::ssize(results) != count)
    fail("solve_transports: room for ", std::ssize(results), " results, there are ", count, " problems");
  const auto gradients = [&](index k) {
    return out.empty() ? transport_gradients<T>() : out[static_cast<std::size_t>(k)];
  };
  double* const masses = workspace.masses.reserve(count);
  for (index k = 0; k < count; ++k)
    masses[k] = detail::check_transport(problems[static_cast<std::size_t>(k)], options, gradients(k));
  const int threads = count == 1 ? 1 : how.count();
  const execution inside{count == 1 ? how.threads : 1};
  while (static_cast<int>(workspace.of_thread.size()) < threads) workspace.of_thread.emplace_back();
  parallel_for(count, threads, [&](index k, int thread) {
    results[static_cast<std::size_t>(k)] =
        detail::solve_checked<T>(problems[static_cast<std::size_t>(k)], options, gradients(k), masses[k],
                                 workspace.of_thread[static_cast<std::size_t>(thread)], inside);
  });
}

DISTILL_NAMESPACE_END
