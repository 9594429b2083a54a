#include <doctest/doctest.h>

#include <distill/objective/top_k_reverse_kl.hpp>

#include "harness/battery.hpp"

TEST_CASE("top_k_reverse_kl: properties") { harness::battery(distill::top_k_reverse_kl{}); }
