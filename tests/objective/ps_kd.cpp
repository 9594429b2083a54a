#include <doctest/doctest.h>

#include <distill/objective/ps_kd.hpp>

#include "harness/battery.hpp"

TEST_CASE("ps_kd: properties") { harness::battery(distill::ps_kd{}); }
