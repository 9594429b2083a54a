#include <distill/objective/similarity_preserving.hpp>

#include "harness/pair.hpp"

using harness::parameters;

TEST_CASE("similarity_preserving") {
  harness::pair_battery(distill::similarity_preserving{});
  harness::pair_references("similarity_preserving", [](const parameters&) { return distill::similarity_preserving{}; });
}
