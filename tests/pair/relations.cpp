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
  harness::pair_references("correlation_congruence", [](const parameters& p) {
    return distill::correlation_congruence{p["gamma"], static_cast<int>(p["order"])};
  });
}

TEST_CASE("neighbour_congruence") {
  harness::pair_battery(distill::neighbour_congruence{}, {.teacher = {7, 5}});
  harness::pair_references("neighbour_congruence", [](const parameters&) { return distill::neighbour_congruence{}; });
}

TEST_CASE("pearson") {
  harness::pair_battery(distill::pearson{}, {.teacher = {7, 5}});
  harness::pair_references("pearson", [](const parameters&) { return distill::pearson{}; });
}

TEST_CASE("dist") {
  harness::pair_battery(distill::dist{}, {.teacher = {7, 5}});
  harness::pair_battery(distill::dist{.beta = 2, .gamma = 0.5, .temperature = 4}, {.teacher = {7, 5}});
  harness::pair_references("dist", [](const parameters& p) {
    return distill::dist{p["beta"], p["gamma"], p["temperature"]};
  });
}

TEST_CASE("batch_correlation") {
  harness::pair_battery(distill::batch_correlation{});
  harness::pair_references("batch_correlation",
                           [](const parameters& p) { return distill::batch_correlation{p["temperature"]}; });
}

TEST_CASE("class_correlation") {
  harness::pair_battery(distill::class_correlation{}, {.teacher = {7, 5}});
  harness::pair_references("class_correlation",
                           [](const parameters& p) { return distill::class_correlation{p["temperature"]}; });
}
