// Sinkhorn's iterations against their formulas in loops, the gradients against differences and against each other.
#include <distill/transport/batch.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include <distill/core/random.hpp>

#include "harness/message.hpp"

namespace {

using distill::index;
using distill::sinkhorn_options;
using distill::transport_form;
using distill::transport_gradient;
using distill::transport_status;
using distill::transport_value;
using numbers = std::vector<double>;

/// A problem that a test owns, in double, and the answers in T.
struct problem {
  index n, m;
  numbers cost, source, target;

  double& at(index i, index j) { return cost[static_cast<std::size_t>(i * m + j)]; }
};

problem random_problem(index n, index m, std::uint64_t seed, double scale = 1) {
  problem p{n, m, {}, {}, {}};
  const distill::random_stream random(seed, 0), masses(seed, 1);
  for (std::size_t k = 0; k < static_cast<std::size_t>(n * m); ++k)
    p.cost.push_back(static_cast<float>(scale * random.uniform(k)));
  const auto normalised = [&](index count, std::size_t from) {
    numbers result;
    for (std::size_t k = 0; k < static_cast<std::size_t>(count); ++k) result.push_back(0.1 + masses.uniform(from + k));
    const double total = std::accumulate(result.begin(), result.end(), 0.0);
    for (double& x : result) x /= total;
    return result;
  };
  p.source = normalised(n, 0);
  p.target = normalised(m, 1000);
  return p;
}

template <class T>
struct answer {
  distill::transport_result result;
  std::vector<T> cost;
  numbers source, target;
};

template <class T>
answer<T> solve(const problem& p, const sinkhorn_options& options, int threads = 1) {
  const std::vector<T> cost(p.cost.begin(), p.cost.end());
  answer<T> a{{},
              std::vector<T>(cost.size(), T(777)),
              numbers(static_cast<std::size_t>(p.n), 777.0),
              numbers(static_cast<std::size_t>(p.m), 777.0)};
  distill::transport_workspace<T> workspace;
  a.result = distill::solve_transport<T>({{cost.data(), p.n, p.m}, p.source, p.target}, options,
                                         {{a.cost.data(), p.n, p.m}, a.source, a.target}, workspace, {threads});
  return a;
}

double value(const problem& p, const sinkhorn_options& options) {
  distill::transport_workspace<double> workspace;
  return distill::solve_transport<double>({{p.cost.data(), p.n, p.m}, p.source, p.target}, options, {}, workspace)
      .value;
}

/// The definition, in loops.
double by_definition(problem p, const sinkhorn_options& options) {
  numbers f(static_cast<std::size_t>(p.n)), g(static_cast<std::size_t>(p.m));
  if (p.source.empty()) p.source.assign(f.size(), 1 / static_cast<double>(p.n));
  if (p.target.empty()) p.target.assign(g.size(), 1 / static_cast<double>(p.m));
  double epsilon = 0;
  const auto soft_min = [&](const numbers& mass, const numbers& potential, const auto& cost) {
    double top = -INFINITY, sum = 0;
    for (std::size_t k = 0; k < mass.size(); ++k)
      if (mass[k] > 0) top = std::max(top, std::log(mass[k]) + (potential[k] - cost(k)) / epsilon);
    for (std::size_t k = 0; k < mass.size(); ++k)
      if (mass[k] > 0) sum += std::exp(std::log(mass[k]) + (potential[k] - cost(k)) / epsilon - top);
    return -epsilon * (top + std::log(sum));
  };
  for (index k = 0; k < options.iterations; ++k) {
    epsilon =
        std::max(options.epsilon, options.annealing.start * std::pow(options.annealing.ratio, static_cast<double>(k)));
    for (index i = 0; i < p.n; ++i)
      f[static_cast<std::size_t>(i)] =
          soft_min(p.target, g, [&](std::size_t j) { return p.at(i, static_cast<index>(j)); });
    for (index j = 0; j < p.m; ++j)
      g[static_cast<std::size_t>(j)] =
          soft_min(p.source, f, [&](std::size_t i) { return p.at(static_cast<index>(i), j); });
  }
  double cost = 0, entropic = 0;
  for (std::size_t i = 0; i < f.size(); ++i)
    for (std::size_t j = 0; j < g.size(); ++j) {
      const double c = p.at(static_cast<index>(i), static_cast<index>(j));
      cost += p.source[i] == 0 || p.target[j] == 0
                  ? 0
                  : c * p.source[i] * p.target[j] * std::exp((f[i] + g[j] - c) / epsilon);
    }
  for (std::size_t i = 0; i < f.size(); ++i) entropic += p.source[i] == 0 ? 0 : p.source[i] * f[i];
  for (std::size_t j = 0; j < g.size(); ++j) entropic += p.target[j] == 0 ? 0 : p.target[j] * g[j];
  return options.value == transport_value::cost ? cost : entropic;
}

template <class A, class B>
double distance(const std::vector<A>& got, const std::vector<B>& expected, double least = 0.01) {
  double most = least, worst = got.size() == expected.size() ? 0 : INFINITY;
  for (std::size_t i = 0; i < std::min(got.size(), expected.size()); ++i) {
    most = std::max(most, std::abs(static_cast<double>(expected[i])));
    const double d = std::abs(static_cast<double>(got[i]) - static_cast<double>(expected[i]));
    worst = std::max(worst, std::isnan(d) ? INFINITY : d);
  }
  return worst / most;
}

/// Less its mean: gradients to masses that must stay equal are known up to a constant.
numbers centred(numbers v) {
  const double mean = std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
  for (double& x : v) x -= mean;
  return v;
}

numbers differences(problem p, numbers problem::*which, const sinkhorn_options& options) {
  numbers result;
  for (std::size_t k = 0; k < (p.*which).size(); ++k) {
    const double kept = (p.*which)[k], step = 1e-5;
    // One of many masses alone: the formulas stand, whether or not the sums are equal, within the tolerance.
    (p.*which)[k] = kept + step;
    const double above = by_definition(p, options);
    (p.*which)[k] = kept - step;
    const double below = by_definition(p, options);
    (p.*which)[k] = kept;
    result.push_back((above - below) / (2 * step));
  }
  return result;
}

std::vector<sinkhorn_options> settings() {
  std::vector<sinkhorn_options> result;
  for (const auto value : {transport_value::cost, transport_value::entropic})
    for (const auto form : {transport_form::log_domain, transport_form::scaling})
      for (const index iterations : {1, 2, 7})
        result.push_back({.epsilon = 0.1,
                          .iterations = iterations,
                          .form = form,
                          .value = value,
                          .gradient = transport_gradient::unrolled});
  result.push_back({.epsilon = 0.01,
                    .iterations = 12,
                    .annealing = {.start = 1, .ratio = 0.6},
                    .value = transport_value::cost,
                    .gradient = transport_gradient::unrolled});
  result.push_back({.epsilon = 3e-3, .iterations = 5, .gradient = transport_gradient::unrolled});  // two exponentials
  return result;
}

TEST_CASE("finitely many iterations and their exact gradient") {
  for (const problem& p : {random_problem(5, 7, 1), random_problem(70, 19, 2), random_problem(1, 4, 3),
                           random_problem(4, 1, 4), random_problem(1, 1, 5)})
    for (const sinkhorn_options& options : settings()) {
      CAPTURE(p.n);
      CAPTURE(options.iterations);
      CAPTURE(options.epsilon);
      const auto exact = solve<double>(p, options);
      CHECK(exact.result.value == doctest::Approx(by_definition(p, options)).epsilon(1e-12));
      CHECK(exact.result.status == transport_status::fixed_iterations);
      CHECK(exact.result.iterations == options.iterations);
      if (p.n < 10) {
        CHECK(distance(exact.cost, differences(p, &problem::cost, options)) < 1e-6);
        CHECK(distance(exact.source, differences(p, &problem::source, options)) < 1e-6);
        CHECK(distance(exact.target, differences(p, &problem::target, options)) < 1e-6);
      }
      const auto rounded = solve<float>(p, options);
      // Exponents round by 1e-7/ε, which earlier iterations, of a larger ε, magnify.
      const double growth = std::max(1.0, options.annealing.start / options.epsilon);
      const double tolerance = 2e-6 + 1e-6 / options.epsilon * growth;
      CHECK(rounded.result.value == doctest::Approx(exact.result.value).epsilon(tolerance));
      CHECK(distance(rounded.cost, exact.cost) < 10 * tolerance);
      CHECK(distance(rounded.source, exact.source) < 10 * tolerance);
      CHECK(distance(rounded.target, exact.target) < 10 * tolerance);
    }
}

TEST_CASE("at convergence all gradients are one") {
  for (const double epsilon : {1.0, 0.1, 0.03}) {
    const problem p = random_problem(23, 18, 7);
    sinkhorn_options options{.epsilon = epsilon, .iterations = 20000, .tolerance = 1e-15};
    if (epsilon > 0.05) options.iterations = 3000;
    CAPTURE(epsilon);
    for (const auto value : {transport_value::cost, transport_value::entropic}) {
      options.value = value;
      options.gradient = transport_gradient::unrolled;
      const auto unrolled = solve<double>(p, options);
      options.gradient = transport_gradient::implicit;
      const auto implicit = solve<double>(p, options);
      CHECK(implicit.result.marginal_error < 1e-14);
      CHECK(implicit.result.gradient_error < 1e-12);
      CHECK(distance(unrolled.cost, implicit.cost) < 1e-10);
      CHECK(distance(centred(unrolled.source), centred(implicit.source)) < 1e-10);
      CHECK(distance(centred(unrolled.target), centred(implicit.target)) < 1e-10);
      const auto rounded = solve<float>(p, options);
      CHECK(distance(rounded.cost, implicit.cost) < 1e-4 / epsilon);
      if (value == transport_value::cost) continue;
      options.gradient = transport_gradient::envelope;
      const auto envelope = solve<double>(p, options);
      CHECK(distance(unrolled.cost, envelope.cost) < 1e-10);
      CHECK(distance(centred(unrolled.source), centred(envelope.source)) < 1e-10);
      CHECK(std::accumulate(envelope.cost.begin(), envelope.cost.end(), 0.0) == doctest::Approx(1).epsilon(1e-12));
    }
  }
}

TEST_CASE("masses of zero are as if they were not there") {
  problem p = random_problem(6, 5, 11), less{5, 4, {}, {}, {}};
  p.source[2] = 0, p.target[4] = 0;
  const double source = std::accumulate(p.source.begin(), p.source.end(), 0.0);
  const double target = std::accumulate(p.target.begin(), p.target.end(), 0.0);
  for (double& x : p.source) x /= source;
  for (double& x : p.target) x /= target;
  for (index i = 0; i < 6; ++i) {
    if (i != 2) less.source.push_back(p.source[static_cast<std::size_t>(i)]);
    for (index j = 0; i != 2 && j < 4; ++j) less.cost.push_back(p.at(i, j));
  }
  less.target.assign(p.target.begin(), p.target.begin() + 4);
  for (const auto form : {transport_form::log_domain, transport_form::scaling})
    for (const auto gradient : {transport_gradient::unrolled, transport_gradient::implicit})
      for (const auto value : {transport_value::cost, transport_value::entropic}) {
        const sinkhorn_options options{
            .epsilon = 0.2, .iterations = 400, .form = form, .value = value, .gradient = gradient};
        const auto all = solve<double>(p, options), some = solve<double>(less, options);
        CHECK(all.result.value == doctest::Approx(some.result.value).epsilon(1e-13));
        for (index i = 0, k = 0; i < 6; ++i)
          for (index j = 0; j < 5; ++j) {
            const double got = all.cost[static_cast<std::size_t>(i * 5 + j)];
            CHECK(got ==
                  doctest::Approx(i == 2 || j == 4 ? 0 : some.cost[static_cast<std::size_t>(k++)]).epsilon(1e-9));
          }
        // The slope of a mass that is about to appear.
        numbers near_source = all.source, near_target = all.target;
        problem touched = p;
        touched.source[2] = 1e-9, touched.target[4] = 1e-9;
        const auto near = solve<double>(touched, options);
        CHECK(distance(centred(all.source), centred(near.source)) < 1e-6);
        CHECK(distance(centred(all.target), centred(near.target)) < 1e-6);
      }
}

TEST_CASE("small epsilon neither over- nor underflows, in float, with masses of zero") {
  for (const double scale : {1.0, 100.0})
    for (const double share : {1e-2, 1e-3, 1e-4}) {
      problem p = random_problem(40, 50, 13, scale);
      for (const index i : {0, 7, 39}) p.source[static_cast<std::size_t>(i)] = 0;
      for (const index j : {0, 20, 49}) p.target[static_cast<std::size_t>(j)] = 0;
      const double source = std::accumulate(p.source.begin(), p.source.end(), 0.0);
      const double target = std::accumulate(p.target.begin(), p.target.end(), 0.0);
      for (double& x : p.source) x /= source;
      for (double& x : p.target) x /= target;
      for (const auto form : {transport_form::log_domain, transport_form::scaling})
        for (const auto gradient :
             {transport_gradient::unrolled, transport_gradient::implicit, transport_gradient::envelope})
          for (const auto value : {transport_value::cost, transport_value::entropic}) {
            if (gradient == transport_gradient::envelope && value == transport_value::cost) continue;
            const sinkhorn_options options{.epsilon = share * scale,
                                           .iterations = 30,
                                           .tolerance = 1e-3,
                                           .form = form,
                                           .value = value,
                                           .gradient = gradient};
            const auto a = solve<float>(p, options);
            CAPTURE(share);
            CHECK(a.result.status != transport_status::fixed_iterations);
            CHECK((a.result.status == transport_status::converged) == (a.result.marginal_error <= 1e-3));
            CHECK(std::isfinite(a.result.value));
            CHECK(std::all_of(a.cost.begin(), a.cost.end(), [](float x) { return std::isfinite(x); }));
            CHECK(std::all_of(a.source.begin(), a.source.end(), [](double x) { return std::isfinite(x); }));
            CHECK(std::all_of(a.target.begin(), a.target.end(), [](double x) { return std::isfinite(x); }));
            sinkhorn_options fixed = options;
            fixed.tolerance = 0;
            CHECK(solve<float>(p, fixed).result.value == doctest::Approx(by_definition(p, fixed)).epsilon(1e-3));
          }
    }
}

TEST_CASE("stopping, and what is said of it") {
  const problem p = random_problem(30, 30, 17);
  const sinkhorn_options options{.epsilon = 0.1, .iterations = 1000, .tolerance = 1e-8};
  for (const auto form : {transport_form::log_domain, transport_form::scaling}) {
    sinkhorn_options o = options;
    o.form = form;
    const auto a = solve<double>(p, o);
    CHECK(a.result.status == transport_status::converged);
    CHECK(a.result.iterations < 200);
    CHECK(a.result.marginal_error <= 1e-8);
    o.iterations = 3;
    const auto b = solve<double>(p, o);
    CHECK(b.result.status == transport_status::not_converged);
    CHECK(b.result.iterations == 3);
    CHECK(b.result.marginal_error > 1e-8);
  }
  // A schedule is a way to the same place.
  sinkhorn_options annealed = options;
  annealed.epsilon = 0.003, annealed.iterations = 20000;
  const auto plain = solve<double>(p, annealed);
  annealed.annealing = {.start = 1, .ratio = 0.7};
  const auto quick = solve<double>(p, annealed);
  CHECK(quick.result.status == transport_status::converged);
  CHECK(quick.result.value == doctest::Approx(plain.result.value).epsilon(1e-7));
}

TEST_CASE("a schedule that does not arrive has not converged") {
  const problem p = random_problem(20, 20, 41);
  const sinkhorn_options options{
      .epsilon = 0.01, .iterations = 50, .tolerance = 1e-3, .annealing = {.start = 10, .ratio = 0.99}};
  const auto a = solve<double>(p, options);
  CHECK(a.result.marginal_error < 1e-3);
  CHECK(a.result.status == transport_status::not_converged);
}

TEST_CASE("in float iterations end when they are done, not before") {
  for (const double epsilon : {0.1, 0.03})
    for (const double tolerance : {1e-5, 2e-6})
      for (const auto form : {transport_form::log_domain, transport_form::scaling})
        for (std::uint64_t seed = 0; seed < 20; ++seed) {
          const auto a = solve<float>(random_problem(30, 40, 50 + seed),
                                      {.epsilon = epsilon, .iterations = 3000, .tolerance = tolerance, .form = form});
          CHECK(a.result.status == transport_status::converged);
        }
}

TEST_CASE("tiny masses neither stop the stopping nor cost digits") {
  for (const double tiny : {1e-12, 1e-20, 1e-30, 1e-52}) {
    problem p = random_problem(30, 40, 43);
    p.target[3] = tiny;
    const double total = std::accumulate(p.target.begin(), p.target.end(), 0.0);
    for (double& x : p.target) x /= total;
    CAPTURE(tiny);
    const sinkhorn_options options{.epsilon = 0.1, .iterations = 2000, .tolerance = 1e-5};
    CHECK(solve<float>(p, options).result.iterations < 60);
    const sinkhorn_options exact{
        .epsilon = 0.1, .iterations = 500, .value = transport_value::cost, .gradient = transport_gradient::implicit};
    sinkhorn_options unrolled = exact;
    unrolled.gradient = transport_gradient::unrolled;
    const auto a = solve<double>(p, exact), b = solve<double>(p, unrolled);
    CHECK(distance(centred(a.target), centred(b.target)) < 1e-9);
    CHECK(distance(centred(a.source), centred(b.source)) < 1e-9);
    CHECK(distance(centred(solve<float>(p, exact).target), centred(b.target)) < 1e-3);
  }
}

TEST_CASE("the unit of mass and sums that differ by rounding") {
  const problem p = random_problem(9, 7, 47);
  for (const double unit : {1e-20, 3.0, 1e15})
    for (const auto gradient : {transport_gradient::unrolled, transport_gradient::implicit})
      for (const auto kind : {transport_value::cost, transport_value::entropic}) {
        const sinkhorn_options options{.epsilon = 0.1, .iterations = 300, .value = kind, .gradient = gradient};
        problem scaled = p;
        for (double& x : scaled.source) x *= unit;
        for (double& x : scaled.target) x *= unit;
        const auto one = solve<float>(p, options), many = solve<float>(scaled, options);
        const double shift = kind == transport_value::cost ? 0 : 0.1 * std::log(unit);
        CHECK(many.result.value == doctest::Approx(unit * (one.result.value - shift)).epsilon(1e-6));
        std::vector<float> costs = one.cost;
        for (float& x : costs) x *= static_cast<float>(unit);
        CHECK(distance(many.cost, costs, 1e-3 * unit) < 1e-4);
        CHECK(distance(centred(many.source), centred(one.source)) < 1e-4);
        CHECK(distance(centred(many.target), centred(one.target)) < 1e-4);
      }
  problem rounded = p;
  for (double& x : rounded.source) x = static_cast<float>(x);
  const auto a = solve<double>(rounded, {.epsilon = 0.1, .iterations = 1000, .tolerance = 1e-12});
  CHECK(a.result.status == transport_status::converged);
}

TEST_CASE("the gradient to costs alone, where some masses are 0") {
  for (const double epsilon : {0.1, 1e-4}) {
    problem p = random_problem(5, 7, 53);
    p.target[2] = 0, p.source[1] = 0;
    for (numbers* masses : {&p.source, &p.target}) {
      const double total = std::accumulate(masses->begin(), masses->end(), 0.0);
      for (double& x : *masses) x /= total;
    }
    for (const auto gradient : {transport_gradient::unrolled, transport_gradient::implicit}) {
      const sinkhorn_options options{
          .epsilon = epsilon, .iterations = 50, .value = transport_value::cost, .gradient = gradient};
      const std::vector<float> cost(p.cost.begin(), p.cost.end());
      std::vector<float> slope(cost.size(), 777.f);
      distill::transport_workspace<float> workspace;
      distill::solve_transport<float>({{cost.data(), p.n, p.m}, p.source, p.target}, options,
                                      {{slope.data(), p.n, p.m}, {}, {}}, workspace);
      CHECK(slope == solve<float>(p, options).cost);
      CHECK(std::none_of(slope.begin(), slope.end(), [](float x) { return std::isnan(x); }));
    }
  }
}

TEST_CASE("memory is for the iterations that are run") {
  const problem p = random_problem(3, 4, 59);
  const auto a = solve<double>(p, {.iterations = index(1) << 60,
                                   .tolerance = 1e-6,
                                   .value = transport_value::cost,
                                   .gradient = transport_gradient::unrolled});
  CHECK(a.result.status == transport_status::converged);
  sinkhorn_options same{
      .iterations = a.result.iterations, .value = transport_value::cost, .gradient = transport_gradient::unrolled};
  CHECK(solve<double>(p, same).cost == a.cost);
}

TEST_CASE("results do not depend on threads, strides or what a workspace did before") {
  problem p = random_problem(200, 37, 19);
  distill::transport_workspace<float> workspace;
  const std::vector<float> cost(p.cost.begin(), p.cost.end());
  std::vector<float> turned(cost.size());
  for (index i = 0; i < p.n; ++i)
    for (index j = 0; j < p.m; ++j)
      turned[static_cast<std::size_t>(j * p.n + i)] = cost[static_cast<std::size_t>(i * p.m + j)];
  for (const auto gradient : {transport_gradient::unrolled, transport_gradient::implicit})
    for (const auto form : {transport_form::log_domain, transport_form::scaling}) {
      const sinkhorn_options options{
          .iterations = 9, .form = form, .value = transport_value::cost, .gradient = gradient};
      const auto one = solve<float>(p, options);
      for (const int threads : {2, 3, 0}) {
        const auto many = solve<float>(p, options, threads);
        CHECK(many.result.value == one.result.value);
        CHECK(many.cost == one.cost);
        CHECK(many.source == one.source);
        CHECK(many.target == one.target);
      }
      std::vector<float> slope(cost.size());
      const auto result =
          distill::solve_transport<float>({{turned.data(), p.n, p.m, 1, p.n}, p.source, p.target}, options,
                                          {{slope.data(), p.n, p.m, 1, p.n}, {}, {}}, workspace);
      CHECK(result.value == one.result.value);
      bool same = true;
      for (index i = 0; i < p.n; ++i)
        for (index j = 0; j < p.m; ++j)
          same =
              same && slope[static_cast<std::size_t>(j * p.n + i)] == one.cost[static_cast<std::size_t>(i * p.m + j)];
      CHECK(same);
    }
}

TEST_CASE("uniform masses, no masses, nothing to transport") {
  problem p = random_problem(8, 12, 23);
  p.source.clear(), p.target.clear();
  const sinkhorn_options options{.iterations = 20, .gradient = transport_gradient::unrolled};
  problem given = p;
  given.source.assign(8, 1.0 / 8), given.target.assign(12, 1.0 / 12);
  const auto expected = solve<double>(given, options);
  CHECK(value(p, options) == expected.result.value);
  CHECK(solve<double>(p, options).cost == expected.cost);
  // Epsilon large: every source goes everywhere.
  CHECK(value(p, {.epsilon = 1e9, .value = transport_value::cost, .gradient = transport_gradient::unrolled}) ==
        doctest::Approx(std::accumulate(p.cost.begin(), p.cost.end(), 0.0) / 96).epsilon(1e-8));
  given.source.assign(8, 0.0), given.target.assign(12, 0.0);
  const auto nothing = solve<double>(given, options);
  CHECK(nothing.result.value == 0);
  CHECK(nothing.cost == numbers(96, 0.0));
  CHECK(nothing.source == numbers(8, 0.0));
  CHECK(value({0, 12, {}, {}, {}}, options) == 0);
  CHECK(value({3, 0, {}, {}, {}}, options) == 0);
}

TEST_CASE("a batch is its problems") {
  const std::vector<problem> problems{random_problem(8, 12, 31), random_problem(70, 5, 32), random_problem(3, 3, 33)};
  const sinkhorn_options options{.iterations = 11, .gradient = transport_gradient::unrolled};
  std::vector<distill::transport_problem<double>> in;
  std::vector<distill::transport_gradients<double>> out;
  std::vector<numbers> slopes;
  for (const problem& p : problems) {
    in.push_back({{p.cost.data(), p.n, p.m}, p.source, p.target});
    slopes.emplace_back(p.cost.size());
    out.push_back({{slopes.back().data(), p.n, p.m}, {}, {}});
  }
  std::vector<distill::transport_result> results(3);
  distill::transport_batch_workspace<double> workspace;
  for (const int threads : {1, 2, 3}) {
    distill::solve_transports(in, options, out, results, workspace, {threads});
    for (std::size_t k = 0; k < 3; ++k) {
      const auto expected = solve<double>(problems[k], options);
      CHECK(results[k].value == expected.result.value);
      CHECK(slopes[k] == expected.cost);
    }
  }
  distill::solve_transports<double>({}, options, {}, {}, workspace);
  results.pop_back();
  CHECK(harness::message_of([&] { distill::solve_transports(in, options, {}, results, workspace); }) ==
        "distill: solve_transports: room for 2 results, there are 3 problems");
  out.pop_back();
  results.resize(3);
  CHECK(harness::message_of([&] { distill::solve_transports(in, options, out, results, workspace); }) ==
        "distill: solve_transports: gradients for 2 problems, there are 3");
}

TEST_CASE("bad transport problems are refused before anything is written") {
  const problem good = random_problem(3, 4, 29);
  const auto refused = [&](problem p, const sinkhorn_options& options, const std::string& text) {
    CAPTURE(text);
    std::vector<double> slope(12, 777.0);
    distill::transport_workspace<double> workspace;
    CHECK(harness::message_of([&] {
            distill::solve_transport<double>({{p.cost.data(), p.n, p.m}, p.source, p.target}, options,
                                             {{slope.data(), 3, 4}, {}, {}}, workspace);
          }).find(text) != std::string::npos);
    CHECK(slope == std::vector<double>(12, 777.0));
  };
  const auto with = [&](auto change) {
    problem p = good;
    change(p);
    return p;
  };
  refused(good, {.epsilon = 0}, "epsilon is 0, must be positive");
  refused(good, {.epsilon = -1}, "epsilon is -1");
  refused(good, {.epsilon = NAN}, "epsilon is nan");
  refused(good, {.iterations = 0}, "iterations is 0, must be at least 1");
  refused(good, {.epsilon = INFINITY}, "epsilon is inf");
  refused(good, {.epsilon = 1e-17}, "epsilon is 1e-17, for these costs at least");
  refused(good, {.tolerance = -1e-3}, "tolerance is -0.001");
  refused(good, {.tolerance = NAN}, "tolerance is nan");
  refused(good, {.annealing = {.start = INFINITY}}, "annealing.start is inf");
  refused(good, {.annealing = {.start = 1e301}}, "epsilon begins at 1e+301");
  refused(good, {.annealing = {.start = 1, .ratio = 1}}, "annealing.ratio is 1");
  refused(good, {.annealing = {.start = -1}}, "annealing.start is -1");
  refused(good, {.value = transport_value::cost, .gradient = transport_gradient::envelope}, "gradient is envelope");
  refused(with([](problem& p) { p.source[1] = -0.5; }), {}, "source[1] is -0.5");
  refused(with([](problem& p) { p.target[3] = NAN; }), {}, "target[3] is nan");
  refused(with([](problem& p) { p.source[0] += 1; }), {}, "add up to");
  refused(with([](problem& p) { p.source.pop_back(); }), {}, "source has 2 masses, the cost asks for 3");
  refused(with([](problem& p) { p.at(1, 2) = NAN; }), {}, "cost(1, 2) is nan, must be finite");
  refused(with([](problem& p) { p.at(2, 0) = INFINITY; }), {}, "cost(2, 0) is inf");
  refused(with([](problem& p) { p.n = 2, p.source = {0.5, 0.5}; }), {}, "gradient of cost is 3 x 4, cost is 2 x 4");
  numbers source(2), target(5), over = good.cost;
  distill::transport_workspace<double> workspace;
  CHECK(harness::message_of([&] {
          distill::solve_transport<double>({{good.cost.data(), 3, 4}, {}, {}}, {}, {{}, {}, target}, workspace);
        }) == "distill: sinkhorn: gradient of target has 5 entries, the cost asks for 4");
  CHECK(harness::message_of([&] {
          distill::solve_transport<double>({{over.data(), 3, 4}, {}, {}}, {}, {{over.data(), 3, 4}, {}, {}}, workspace);
        }) == "distill: sinkhorn: gradient of cost lies where the cost does, which is still read");
  // Without a gradient nobody asks what it would be of.
  CHECK_NOTHROW(value(good, {.value = transport_value::cost}));
  CHECK(harness::message_of([&] {
          distill::solve_transport<double>({{good.cost.data(), 3, 4}, {}, {}}, {}, {{}, source, {}}, workspace);
        }) == "distill: sinkhorn: gradient of source has 2 entries, the cost asks for 3");
}

}  // namespace
