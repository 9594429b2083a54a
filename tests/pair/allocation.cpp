// A workspace that has served a shape once makes every further call free of allocations. This file replaces the global
// operator new, so it is an executable of its own.
#include <doctest/doctest.h>

#include <distill/objective/cka.hpp>
#include <distill/objective/dist.hpp>
#include <distill/objective/nst.hpp>
#include <distill/objective/relation_kl.hpp>
#include <distill/objective/rkd.hpp>
#include <distill/objective/similarity_preserving.hpp>

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
  check(distill::nst{});
  check(distill::relation_kl{});
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
