// Relations between samples: one battery each, and the 50-digit references.
#include <distill/objective/batch_correlation.hpp>
#include <distill/objective/class_correlation.hpp>
#include <distill/objective/correlation_congruence.hpp>
#include <distill/objective/dist.hpp>
#include <distill/objective/neighbour_congruence.hpp>
#include <distill/objective/pearson.hpp>
#include <distill/objective/pkt.hpp>

#include "harness/pair.hpp"

using harness::parameters;

TEST_CASE("pkt") {
  harness::pair_battery(distill::pkt{});
  harness::pair_references("pkt", [](const parameters& p) { return distill::pkt{p["epsilon"]}; });
}

TEST_CASE("correlation_congruence") {
  harness::pair_battery(distill::correlation_congruence{});
  harness::pair_battery(distill::correlation_congruence{.gamma = 1, .order = 5});
}

TEST_CASE("neighbour_congruence") {
  harness::pair_battery(distill::neighbour_congruence{}, {.teacher = {7, 5}});
}

TEST_CASE("pearson") { harness::pair_battery(distill::pearson{}, {.teacher = {7, 5}}); }

TEST_CASE("dist") {
  harness::pair_battery(distill::dist{}, {.teacher = {7, 5}});
  harness::pair_battery(distill::dist{.beta = 2, .gamma = 0.5, .temperature = 4}, {.teacher = {7, 5}});
}

TEST_CASE("batch_correlation") { harness::pair_battery(distill::batch_correlation{}); }

TEST_CASE("class_correlation") { harness::pair_battery(distill::class_correlation{}, {.teacher = {7, 5}}); }
