#include <doctest/doctest.h>

#include <distill/objective/log_cosh.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("log_cosh: value and gradients against 50-digit references") {
  harness::against_references(
      "log_cosh", [](const harness::parameters& p) { return distill::log_cosh{.temperature = p.temperature}; });
}

TEST_CASE("log_cosh: properties") { harness::battery(distill::log_cosh{}); }
