#include <doctest/doctest.h>

#include <distill/objective/bd_kd.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("bd_kd: value and gradients against 50-digit references") {
  harness::against_references("bd_kd", [](const harness::parameters& p) {
    return distill::bd_kd{.delta = p["delta"], .temperature = p.temperature};
  });
}

TEST_CASE("bd_kd: properties") { harness::battery(distill::bd_kd{}); }

TEST_CASE("bd_kd: between equal entropies forward KL is the heavier one") {
  const harness::problem<double> p{1, 2, {1, -1}, {-1, 1}, {0}};  // exchanged: equal to the last bit
  const auto got = harness::solve(distill::bd_kd{}, p), forward = harness::solve(distill::kl{}, p),
             reverse = harness::solve(distill::reverse_kl{}, p);
  for (std::size_t i = 0; i < 2; ++i)
    CHECK(got.student[i] == doctest::Approx(2 * forward.student[i] + reverse.student[i]).epsilon(1e-13));
}
