// What one core can do at most.
#pragma once

#include <benchmark/benchmark.h>

#include <distill/dense/detail/micro_kernel.hpp>

#include "paired.hpp"

namespace bench {

/// Additions and multiplications a second of a loop of fused multiply-adds on registers alone.
template <class T>
double peak() {
  using distill::simd;
  using ops = distill::lane<simd<T>>;
  constexpr int chains = 12;  // more than latency × units, fewer than registers
  constexpr long rounds = 1000000;
  simd<T> sums[chains];
  for (simd<T>& sum : sums) sum = simd<T>(T(1));
  simd<T> a(T(0.999)), b(T(1e-3));
  benchmark::DoNotOptimize(a);
  benchmark::DoNotOptimize(b);
  const auto run = [&] {
    simd<T> s[chains];
    for (int i = 0; i < chains; ++i) s[i] = sums[i];
    for (long k = 0; k < rounds; ++k)
      distill::detail::unroll<chains>([&](auto i) DISTILL_LAMBDA_INLINE { s[i] = ops::fma(s[i], a, b); });
    for (int i = 0; i < chains; ++i) sums[i] = s[i];
    benchmark::DoNotOptimize(sums);
  };
  double best = 1e9;
  for (int i = 0; i < 20; ++i) best = std::min(best, seconds(run, 1));
  return 2.0 * ops::width * chains * rounds / best;
}

}  // namespace bench
