// Sinkhorn's iterations, and value with gradient beside the value alone, in the same run.
//
//   ms        median time of a call        baseline_ms  that of what it stands beside
//   ratio     median ratio of interleaved pairs
//   ns_entry  per entry of the cost matrix and iteration
//
// Baselines: for values, exponentials of the cost matrix twice an iteration with a maximum before each, as the formulas
// stand, vectorised and in one thread; for gradients, the value of the same kind and form; for threads, one thread.
#include <benchmark/benchmark.h>

#include <distill/core/random.hpp>
#include <distill/transport/solve.hpp>
#include <memory>
#include <string>
#include <vector>

#include "paired.hpp"

namespace {

using distill::buffer;
using distill::index;
using distill::sinkhorn_options;
using distill::transport_form;
using distill::transport_gradient;
using distill::transport_value;

template <class T>
struct data {
  index n;
  buffer<T> cost{n * n}, turned{n * n}, slope{n * n}, row{2 * n};
  std::vector<double> source, target;
  distill::transport_workspace<T> workspace;

  explicit data(index size) : n(size), source(static_cast<std::size_t>(n)), target(static_cast<std::size_t>(n)) {
    const distill::random_stream random(1);
    for (index i = 0; i < n; ++i)
      for (index j = 0; j < n; ++j)
        turned.data()[j * n + i] = cost.data()[i * n + j] =
            static_cast<T>(random.uniform(static_cast<std::uint64_t>(i * n + j)));
  }
  double solve(const sinkhorn_options& options, bool gradient, int threads) {
    distill::transport_gradients<T> out;
    if (gradient) out = {{slope.data(), n, n}, source, target};
    return distill::solve_transport<T>({{cost.data(), n, n}, {}, {}}, options, out, workspace, {threads}).value;
  }
  /// Both potentials by their formulas; n is a multiple of the lanes.
  double by_formula(const sinkhorn_options& options) {
    using distill::simd;
    namespace detail = distill::detail;
    T *const f = row.data(), *const g = f + n;
    const T epsilon = static_cast<T>(options.epsilon), log_mass = -std::log(static_cast<T>(n));
    std::fill_n(f, 2 * n, T(0));
    const auto renew = [&](const T* of, const T* costs, T* to) {
      for (index i = 0; i < n; ++i, costs += n) {
        const T top = detail::highest_exponent(of, costs, n);
        simd<T> sum(T(0));
        detail::each_cost(costs, n, [&](index j, const simd<T>& c) DISTILL_LAMBDA_INLINE {
          sum += distill::exp_scaled((simd<T>::load_aligned(of + j) - c) - simd<T>(top), simd<T>(1 / epsilon));
        });
        to[i] = -top - epsilon * (log_mass + static_cast<T>(std::log(detail::reduce_sum<T>(sum))));
      }
    };
    for (index k = 0; k < options.iterations; ++k) renew(g, cost.data(), f), renew(f, turned.data(), g);
    return detail::sum<T>(f, 2 * n) / static_cast<double>(n);
  }
};

template <class T>
data<T>& data_for(index n) {
  static std::vector<std::unique_ptr<data<T>>> all;
  for (auto& known : all)
    if (known->n == n) return *known;
  all.push_back(std::make_unique<data<T>>(n));
  return *all.back();
}

template <class T, class Subject, class Baseline>
void compare(const std::string& name, index n, index iterations, Subject subject, Baseline baseline) {
  benchmark::RegisterBenchmark(
      (name + (sizeof(T) == 4 ? "/float/" : "/double/") + std::to_string(n)).c_str(),
      [=](benchmark::State& state) {
        data<T>& x = data_for<T>(n);
        const bench::pairing result = bench::interleaved([&] { benchmark::DoNotOptimize(baseline(x)); },
                                                         [&] { benchmark::DoNotOptimize(subject(x)); });
        for (auto _ : state) state.SetIterationTime(result.subject_seconds);
        state.counters["ms"] = result.subject_seconds * 1e3;
        state.counters["baseline_ms"] = result.baseline_seconds * 1e3;
        state.counters["ratio"] = result.ratio;
        state.counters["ns_entry"] = result.subject_seconds * 1e9 / static_cast<double>(n * n * iterations);
      })
      ->UseManualTime()
      ->Iterations(1);
}

template <class T>
void family(index n) {
  constexpr index iterations = 50;
  const auto call = [](const sinkhorn_options& options, bool gradient, int threads = 1) {
    return [=](data<T>& x) { return x.solve(options, gradient, threads); };
  };
  const auto settings = [](transport_form form, transport_value value, transport_gradient gradient) {
    return sinkhorn_options{
        .epsilon = 0.05, .iterations = iterations, .form = form, .value = value, .gradient = gradient};
  };
  const auto formula = [](data<T>& x) { return x.by_formula({.epsilon = 0.05, .iterations = iterations}); };
  const sinkhorn_options plain =
      settings(transport_form::log_domain, transport_value::entropic, transport_gradient::envelope);
  compare<T>("log_domain", n, iterations, call(plain, false), formula);
  compare<T>("scaling", n, iterations,
             call(settings(transport_form::scaling, transport_value::entropic, transport_gradient::envelope), false),
             formula);
  compare<T>("log_domain/threads:2", n, iterations, call(plain, false, 2), call(plain, false));
  const auto gradient = [&](const std::string& name, transport_value value, transport_gradient kind) {
    const sinkhorn_options o = settings(transport_form::log_domain, value, kind);
    compare<T>("gradient/" + name, n, iterations, call(o, true), call(o, false));
  };
  gradient("envelope", transport_value::entropic, transport_gradient::envelope);
  gradient("implicit", transport_value::cost, transport_gradient::implicit);
  gradient("unrolled", transport_value::cost, transport_gradient::unrolled);
  gradient("unrolled_entropic", transport_value::entropic, transport_gradient::unrolled);
}

}  // namespace

int main(int argc, char** argv) {
  family<float>(1024);
  family<float>(128);
  family<double>(1024);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
