#include <doctest/doctest.h>

#include <distill/objective/logit_cosine.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

// Rows 10 000 from 0 are nearly parallel.
TEST_CASE("logit_cosine: value and gradients against 50-digit references") {
  harness::against_references("logit_cosine", [](const harness::parameters&) { return distill::logit_cosine{}; },
                              {.value_ulp = 1600, .gradient_ulp = 4000});
}

TEST_CASE("logit_cosine: properties") { harness::battery(distill::logit_cosine{}); }
