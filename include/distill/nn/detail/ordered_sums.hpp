// Sums over every element of many arrays that do not depend on how many threads add them up.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "../../config.hpp"
#include "../../core/parallel.hpp"
#include "../../core/sweep.hpp"
#include "../parameter.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn::detail {

/// Σ_k Σ_i term(k, i) over the elements i of all trainable parameters k, K sums at a time and in double. The elements,
/// one parameter after the other, are cut into runs by their number alone; the sums of the runs are added in order.
template <std::size_t K, class T, class Term>
std::array<double, K> ordered_sums(const std::vector<parameter<T>*>& parameters, execution resources,
                                   const Term& term) {
  constexpr index most = 64, lanes = 8;
  index total = 0;
  for (const parameter<T>* p : parameters) total += p->trainable ? p->size() : 0;
  const index runs = std::clamp<index>(total / distill::detail::sweep_piece, 1, most);
  std::array<std::array<double, K>, most> sums{};
  parallel_for(runs, runs < 8 ? 1 : resources.count(), [&](index run, int) {
    const index first = total * run / runs, last = total * (run + 1) / runs;
    std::array<std::array<double, lanes>, K> partial{};
    index start = 0;  // of parameter k
    for (std::size_t k = 0; k < parameters.size(); ++k) {
      if (!parameters[k]->trainable) continue;
      const index end = std::min(parameters[k]->size(), last - start);
      index i = std::max<index>(first - start, 0);
      for (; i + lanes <= end; i += lanes)
        for (index lane = 0; lane < lanes; ++lane) {
          const std::array<double, K> terms = term(k, i + lane);
          for (std::size_t s = 0; s < K; ++s) partial[s][static_cast<std::size_t>(lane)] += terms[s];
        }
      for (; i < end; ++i) {
        const std::array<double, K> terms = term(k, i);
        for (std::size_t s = 0; s < K; ++s) partial[s][0] += terms[s];
      }
      start += parameters[k]->size();
    }
    for (std::size_t s = 0; s < K; ++s)
      for (const double lane : partial[s]) sums[static_cast<std::size_t>(run)][s] += lane;
  });
  std::array<double, K> result{};
  for (index run = 0; run < runs; ++run)
    for (std::size_t s = 0; s < K; ++s) result[s] += sums[static_cast<std::size_t>(run)][s];
  return result;
}

}  // namespace nn::detail
DISTILL_NAMESPACE_END
