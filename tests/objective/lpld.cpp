#include <doctest/doctest.h>

#include <distill/objective/lpld.hpp>

#include "harness/battery.hpp"

TEST_CASE("lpld: properties") { harness::battery(distill::lpld{.background = 0}); }
