#include <doctest/doctest.h>

#include <distill/objective/f_divergence.hpp>

#include "harness/battery.hpp"

TEST_CASE("f_divergence: properties") { harness::battery(distill::f_divergence<>{}); }
