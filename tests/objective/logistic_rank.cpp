// Pair by pair beside its definition: hinge_rank.cpp.
#include <doctest/doctest.h>

#include <distill/objective/logistic_rank.hpp>

#include "harness/accuracy.hpp"
#include "harness/battery.hpp"

using distill::logistic_rank;
using distill::rank_pairs;

TEST_CASE("logistic_rank: value and gradients against 50-digit references") {
  harness::against_references("logistic_rank", [](const harness::parameters& p) {
    const bool label_first = p.word("pairs") == "label_first";
    return logistic_rank{.pairs = label_first ? rank_pairs::label_first : rank_pairs::teacher_order,
                         .temperature = p.temperature};
  });
}

TEST_CASE("logistic_rank: properties") {
  harness::battery(logistic_rank{}, 2000);
  harness::check_mathematics<double>(logistic_rank{.pairs = rank_pairs::label_first, .temperature = 2});
}
