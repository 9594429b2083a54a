#include <doctest/doctest.h>

#include <distill/objective/adaptive_kl.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("adaptive_kl: value and gradients against 50-digit references") {
  harness::against_references("adaptive_kl", [](const harness::parameters& p) {
    return distill::adaptive_kl{.head_mass = p["head_mass"], .temperature = p.temperature};
  });
}

TEST_CASE("adaptive_kl: properties") { harness::battery(distill::adaptive_kl{}); }

TEST_CASE("adaptive_kl: a class whose mass meets the share is still of the head") {
  harness::problem<double> p{1, 4, {0.5, -1, 0.25, 2}, {0, 0, 0, 0}, {0}};
  const auto s = harness::softmax(p.student, 1.0);
  double forward = 0, reverse = 0, head = 0, tail = 0;
  for (std::size_t c = 0; c < 4; ++c) {
    forward += 0.25 * std::log(0.25 / s[c]);
    reverse += s[c] * std::log(s[c] / 0.25);
    (c < 2 ? head : tail) += std::abs(s[c] - 0.25);
  }
  const double w = head / (head + tail);
  CHECK(harness::solve(distill::adaptive_kl{.head_mass = 0.5}, p).value ==
        doctest::Approx(w * forward + (1 - w) * reverse).epsilon(1e-14));
}
