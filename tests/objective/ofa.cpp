#include <doctest/doctest.h>

#include <distill/objective/ofa.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("ofa: value and gradients against 50-digit references") {
  harness::against_references("ofa", [](const harness::parameters& p) {
    return distill::ofa{.gamma = p["gamma"],
                        .form = p.word("form") == "code" ? distill::ofa_form::code : distill::ofa_form::paper,
                        .temperature = p.temperature};
  });
}

TEST_CASE("ofa: properties") { harness::battery(distill::ofa{.gamma = 1.3}); }

TEST_CASE("ofa: properties at other parameters") {
  harness::check_mathematics<double>(distill::ofa{.gamma = 1.3, .form = distill::ofa_form::code});
}
