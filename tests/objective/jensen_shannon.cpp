#include <doctest/doctest.h>

#include <distill/objective/jensen_shannon.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

TEST_CASE("jensen_shannon: value and gradients against 50-digit references") {
  using enum distill::jensen_shannon_form;
  harness::against_references(
      "jensen_shannon",
      [](const harness::parameters& p) {
        const auto form = p.word("form") == "literal" ? literal : p.word("form") == "swapped" ? swapped : normalised;
        return distill::jensen_shannon{.beta = p["beta"], .form = form, .temperature = p.temperature};
      },
      {.gradient_ulp = 2});
}

TEST_CASE("jensen_shannon: properties") { harness::battery(distill::jensen_shannon{}); }

TEST_CASE("jensen_shannon: properties at another beta and temperature") {
  harness::check_mathematics<float>(distill::jensen_shannon{.beta = 1});
  harness::check_mathematics<double>(distill::jensen_shannon{.beta = 0.1, .temperature = 2.5});
}
