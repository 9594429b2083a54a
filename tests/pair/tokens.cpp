// Relations between tokens, and between the places and channels of maps.
#include <distill/objective/channel_correlation.hpp>
#include <distill/objective/contextual_similarity.hpp>
#include <distill/objective/relation_kl.hpp>
#include <distill/objective/relation_mse.hpp>
#include <distill/objective/spatial_affinity.hpp>
#include <distill/objective/token_graph.hpp>

#include "harness/pair.hpp"

using harness::parameters;

TEST_CASE("token_graph") {
  harness::pair_battery(distill::token_graph{.neighbours = 3});
  harness::pair_battery(distill::token_graph{.neighbours = 20, .sigma = 2, .student_first = false});
  harness::pair_references("token_graph", [](const parameters& p) {
    return distill::token_graph{static_cast<distill::index>(p["neighbours"]), p["sigma"], p["student_first"] != 0};
  });
}

TEST_CASE("contextual_similarity") {
  harness::pair_battery(distill::contextual_similarity{}, {.items = 2});
  harness::pair_references("contextual_similarity", [](const parameters&) { return distill::contextual_similarity{}; });
}

TEST_CASE("relation_mse") {
  harness::pair_battery(distill::relation_mse{}, {.items = 3});
  harness::pair_references("relation_mse", [](const parameters&) { return distill::relation_mse{}; });
}

TEST_CASE("relation_kl") {
  harness::pair_battery(distill::relation_kl{}, {.items = 3});
  harness::pair_references("relation_kl", [](const parameters&) { return distill::relation_kl{}; });
}

TEST_CASE("spatial_affinity") {
  harness::pair_battery(distill::spatial_affinity{}, {.items = 2});
  harness::pair_references("spatial_affinity", [](const parameters&) { return distill::spatial_affinity{}; },
                           {.least = 1e-1});  // equal cosines leave the rounding of the diagonal
}

TEST_CASE("channel_correlation") {
  harness::pair_battery(distill::channel_correlation{}, {.items = 2});
  harness::pair_references("channel_correlation", [](const parameters&) { return distill::channel_correlation{}; });
}
