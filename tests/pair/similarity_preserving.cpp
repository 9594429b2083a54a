#include <distill/objective/similarity_preserving.hpp>

#include "harness/pair.hpp"

TEST_CASE("similarity_preserving: properties") { harness::pair_battery(distill::similarity_preserving{}); }
