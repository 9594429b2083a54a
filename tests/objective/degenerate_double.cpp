#include "harness/degenerate.hpp"

TEST_CASE("degenerate rows in double") {
  distill::catalogue::each([](const auto& objective) { harness::check_degenerate_rows<double>(objective); });
}
