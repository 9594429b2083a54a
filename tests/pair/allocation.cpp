// A workspace that has served a shape once makes every further call free of allocations. This file replaces the global
// operator new, so it is an executable of its own.
#include <doctest/doctest.h>

#include <distill/objective/cka.hpp>
#include <distill/objective/class_transport.hpp>
#include <distill/objective/cmkd.hpp>
#include <distill/objective/dist.hpp>
#include <distill/objective/nst.hpp>
#include <distill/objective/relation_kl.hpp>
#include <distill/objective/rkd.hpp>
#include <distill/objective/similarity_preserving.hpp>
#include <distill/objective/sinkd_samples.hpp>
#include <distill/objective/sinkhorn_divergence.hpp>
#include <distill/transport/solve.hpp>

#include "harness/counting_new.hpp"
#include "harness/pair.hpp"

namespace {

using distill::feature_shape;
using harness::allocations;

struct counts {
  long first = 0, second = 0, bytes = 0;
};

template <class Objective>
counts count(const Objective& objective, const harness::feature_problem<float>& p) {
  distill::pair_workspace<float> workspace;
  std::array<std::vector<float>, 2> gradient{std::vector<float>(p.size(0)), std::vector<float>(p.size(1))};
  const auto call = [&] {
    distill::feature_gradients<float> out;
    out.student = harness::stack_of<float>(gradient[0].data(), p.items, p.shape[0]);
    out.teacher = harness::stack_of<float>(gradient[1].data(), p.items, p.shape[1]);
    distill::value_and_gradient(objective, harness::inputs_of(p), out, {}, workspace);
  };
  counts result;
  const long start = allocations, bytes = harness::allocated_bytes;
  call();
  result.first = allocations - start, result.bytes = harness::allocated_bytes - bytes;
  const long again = allocations;
  call();
  result.second = allocations - again;
  return result;
}

}  // namespace

TEST_CASE("a pair workspace that has served a shape allocates nothing for it") {
  const auto p = harness::random_features<float>({feature_shape{40, 30}, feature_shape{40, 30}}, 1, 1);
  const auto check = [&](const auto& objective) {
    const counts c = count(objective, p);
    CHECK(c.first > 0);
    CHECK(c.second == 0);
  };
  check(distill::similarity_preserving{});
  check(distill::cka{});
  check(distill::cka{.unbiased = true});
  check(distill::rkd{});
  check(distill::dist{});
  check(distill::cmkd{});
  check(distill::nst{});
  check(distill::relation_kl{});
  check(distill::sinkhorn_divergence{.cost = distill::ground_cost::cosine});
  check(distill::sinkd_samples{.gradient = distill::transport_gradient::implicit});
  check(distill::class_transport{.gradient = distill::transport_gradient::unrolled});
}

TEST_CASE("relational_angle: memory grows with n², not n³") {
  const auto bytes = [](distill::index n) {
    return count(distill::relational_angle{},
                 harness::random_features<float>({feature_shape{n, 8}, feature_shape{n, 8}}, 1, 2))
        .bytes;
  };
  CHECK(bytes(64) < 64 * 64 * 4 * 10);  // six matrices, lines of padding
  CHECK(bytes(128) < 5 * bytes(64));
}

TEST_CASE("transport: memory does not grow with the iterations, but for the potentials of the unrolled gradient") {
  constexpr distill::index n = 70, m = 33;
  std::vector<float> cost(n * m), slope(n * m);
  for (std::size_t i = 0; i < cost.size(); ++i) cost[i] = static_cast<float>(distill::random_stream(3).uniform(i));
  using distill::transport_gradient;
  using distill::transport_value;
  const auto bytes = [&](distill::index iterations, transport_gradient gradient, distill::transport_form form) {
    distill::transport_workspace<float> workspace;
    const distill::sinkhorn_options options{
        .iterations = iterations,
        .form = form,
        .value = gradient == transport_gradient::envelope ? transport_value::entropic : transport_value::cost,
        .gradient = gradient};
    const auto call = [&] {
      distill::solve_transport<float>({{cost.data(), n, m}, {}, {}}, options, {{slope.data(), n, m}, {}, {}},
                                      workspace);
    };
    const long before = harness::allocated_bytes;
    call();
    const long first = harness::allocated_bytes - before, count = allocations;
    call();
    CHECK(allocations == count);
    return first;
  };
  for (const auto form : {distill::transport_form::log_domain, distill::transport_form::scaling}) {
    for (const auto gradient : {transport_gradient::envelope, transport_gradient::implicit})
      CHECK(bytes(10, gradient, form) == bytes(100, gradient, form));
    const long potentials = static_cast<long>(sizeof(double)) * (n + m + 1);
    CHECK(bytes(100, transport_gradient::unrolled, form) - bytes(10, transport_gradient::unrolled, form) ==
          90 * potentials);
    CHECK(bytes(10, transport_gradient::unrolled, form) < 40 * potentials + 3 * n * m * 4);
  }
}
