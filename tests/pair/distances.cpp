// Relations that are distances and angles.
#include <distill/objective/rkd.hpp>

#include "harness/pair.hpp"

TEST_CASE("relational_distance") { harness::pair_battery(distill::relational_distance{}); }

TEST_CASE("relational_angle") { harness::pair_battery(distill::relational_angle{}, {.larger = {20, 9}}); }

TEST_CASE("rkd") { harness::pair_battery(distill::rkd{}, {.larger = {20, 9}}); }
