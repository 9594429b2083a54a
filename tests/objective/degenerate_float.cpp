#include "harness/degenerate.hpp"

TEST_CASE("degenerate rows in float") {
  distill::catalogue::each([](const auto& objective) { harness::check_degenerate_rows<float>(objective); });
}
