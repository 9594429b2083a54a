#include <doctest/doctest.h>

#include <distill/objective/top_k_reverse_kl.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("top_k_reverse_kl: value and gradients against 50-digit references") {
  harness::against_references("top_k_reverse_kl",
                              [](const harness::parameters& p) {
                                return distill::top_k_reverse_kl{.log_floor = p["log_floor"],
                                                                 .temperature = p.temperature};
                              },
                              {.shift = harness::common_shift::linear});
}

TEST_CASE("top_k_reverse_kl: properties") { harness::battery(distill::top_k_reverse_kl{}); }
