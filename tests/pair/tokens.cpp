// Relations between tokens, and between the places and channels of maps.
#include <distill/objective/channel_correlation.hpp>
#include <distill/objective/contextual_similarity.hpp>
#include <distill/objective/relation_kl.hpp>
#include <distill/objective/relation_mse.hpp>
#include <distill/objective/spatial_affinity.hpp>
#include <distill/objective/token_graph.hpp>

#include "harness/pair.hpp"

TEST_CASE("token_graph") {
  harness::pair_battery(distill::token_graph{.neighbours = 3});
  harness::pair_battery(distill::token_graph{.neighbours = 20, .sigma = 2, .student_first = false});
}

TEST_CASE("contextual_similarity") { harness::pair_battery(distill::contextual_similarity{}, {.items = 2}); }

TEST_CASE("relation_mse") { harness::pair_battery(distill::relation_mse{}, {.items = 3}); }

TEST_CASE("relation_kl") { harness::pair_battery(distill::relation_kl{}, {.items = 3}); }

TEST_CASE("spatial_affinity") { harness::pair_battery(distill::spatial_affinity{}, {.items = 2}); }

TEST_CASE("channel_correlation") { harness::pair_battery(distill::channel_correlation{}, {.items = 2}); }
