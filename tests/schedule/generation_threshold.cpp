// The share of steps with a student's own sequences: traces worked out by hand.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include <distill/schedule/generation_threshold.hpp>

#include "harness/message.hpp"

namespace schedule_tests {

using distill::fresh_share;
using distill::generation_threshold;
using distill::sequence_source;
using harness::message_of;

TEST_CASE("generation_threshold grows when the loss has grown, and keeps its reference otherwise") {
  struct evaluation {
    double loss, value, reference;
    bool grown;
  };
  generation_threshold t{.step = 0.25, .tolerance = 0.125};
  CHECK(std::isnan(t.reference));
  for (const evaluation& e : std::vector<evaluation>{{2, 0, 2, false},            // before the training
                                                     {1.5, 0, 2, false},          // better
                                                     {2, 0, 2, false},            // the same
                                                     {2.0625, 0, 2, false},       // worse, but not enough
                                                     {2.125, 0.25, 2.125, true},  // by the tolerance exactly
                                                     {2.1875, 0.25, 2.125, false},
                                                     {3, 0.5, 3, true},
                                                     {1, 0.5, 3, false},  // the reference does not go down
                                                     {3.0625, 0.5, 3, false},
                                                     {4, 0.75, 4, true},
                                                     {5, 1, 5, true},
                                                     {6, 1, 6, true}}) {  // at most 1
    CAPTURE(e.loss);
    CHECK(t.evaluated(e.loss) == e.grown);
    CHECK(t.value == e.value);
    CHECK(t.reference == e.reference);
  }
  // As published: the tenths add up to a little less than 1, the eleventh step ends there.
  generation_threshold published;
  for (int k = 0; k <= 10; ++k) published.evaluated(k);
  CHECK(published.value == doctest::Approx(1));
  CHECK(published.value < 1);
  published.evaluated(11);
  CHECK(published.value == 1);
  // A tolerance below 0 also counts small gains as losses; a loss without bound is the last that counts.
  generation_threshold strict{.tolerance = -0.5};
  CHECK_FALSE(strict.evaluated(2));
  CHECK(strict.evaluated(1.5));
  CHECK(strict.reference == 1.5);
  CHECK(strict.evaluated(std::numeric_limits<double>::infinity()));
  CHECK_FALSE(strict.evaluated(1e300));
}

TEST_CASE("generation_threshold: a plain value, saved and restored") {
  generation_threshold t{.value = 0.5};
  t.evaluated(1);
  const generation_threshold saved = t;
  t.evaluated(2);
  CHECK(t.value == 0.6);
  t = saved;
  CHECK(t.value == 0.5);
  CHECK(t.reference == 1);
}

TEST_CASE("generation_threshold: sources by share, progress, draw and buffer") {
  constexpr auto fixed = sequence_source::fixed, generated = sequence_source::generated,
                 replayed = sequence_source::replayed;
  struct row {
    fresh_share share;
    double progress;
    std::vector<sequence_source> filling, full;  // for the draws below
  };
  const double draws[] = {0, 0.0625, 0.125, 0.25, 0.375, 0.5, 0.75};
  // φ = 1/2. ρ: 1/2, 3/8, 0; 1/4; 0, 1/8, 1/2. A draw at ρ or φ itself lies beyond it.
  const std::vector<sequence_source> own{generated, generated, generated, generated, generated, fixed, fixed};
  for (const row& r : std::vector<row>{
           {fresh_share::decreasing, 0, own, own},
           {fresh_share::decreasing, 0.25, own, {generated, generated, generated, generated, replayed, fixed, fixed}},
           {fresh_share::decreasing, 1, own, {replayed, replayed, replayed, replayed, replayed, fixed, fixed}},
           {fresh_share::constant, 0, own, {generated, generated, generated, replayed, replayed, fixed, fixed}},
           {fresh_share::constant, 1, own, {generated, generated, generated, replayed, replayed, fixed, fixed}},
           {fresh_share::increasing, 0, own, {replayed, replayed, replayed, replayed, replayed, fixed, fixed}},
           {fresh_share::increasing, 0.25, own, {generated, generated, replayed, replayed, replayed, fixed, fixed}},
           {fresh_share::increasing, 1, own, own}}) {
    const generation_threshold t{.value = 0.5, .share = r.share};
    for (std::size_t k = 0; k < std::size(draws); ++k) {
      CAPTURE(r.progress);
      CAPTURE(draws[k]);
      CHECK(t.source(draws[k], r.progress, false) == r.filling[k]);
      CHECK(t.source(draws[k], r.progress, true) == r.full[k]);
    }
  }
  CHECK(generation_threshold{}.source(0, 0, false) == fixed);
  CHECK(generation_threshold{.value = 1}.source(1 - 1e-16, 1, true) == replayed);
  CHECK(generation_threshold{.value = 1}.fresh(0.25) == 0.75);
}

TEST_CASE("generation_threshold: nonsense") {
  generation_threshold t;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(message_of([&] { t.source(1, 0, true); }) == "distill: generation_threshold: draw is 1, must lie in [0, 1)");
  CHECK(message_of([&] { t.source(nan, 0, true); }) ==
        "distill: generation_threshold: draw is nan, must lie in [0, 1)");
  CHECK(message_of([&] { t.source(0, 1.5, true); }) ==
        "distill: generation_threshold: progress is 1.5, must lie in [0, 1]");
  CHECK(message_of([&] { t.fresh(-0.5); }) == "distill: generation_threshold: progress is -0.5, must lie in [0, 1]");
  CHECK(message_of([&] { t.evaluated(nan); }) == "distill: generation_threshold: loss is nan, must be a number");
  CHECK(std::isnan(t.reference));
  CHECK(message_of([] { generation_threshold{.value = 2}.validate(); }) ==
        "distill: generation_threshold: value is 2, must lie in [0, 1]");
  CHECK(message_of([] { generation_threshold{.step = -1}.validate(); }) ==
        "distill: generation_threshold: step is -1, must lie in [0, 1]");
  CHECK(message_of([&] { generation_threshold{.tolerance = nan}.validate(); }) ==
        "distill: generation_threshold: tolerance is nan, must be finite");
  CHECK(message_of([] { generation_threshold{}.validate(); }) == "no error");
}

}  // namespace schedule_tests
