#include <doctest/doctest.h>

#include <distill/objective/class_mass.hpp>

#include "harness/battery.hpp"

TEST_CASE("class_mass: properties") { harness::battery(distill::class_mass{}); }
