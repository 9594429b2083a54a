// The one translation unit of the data tests: it replaces the global operator new.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <distill/data/dataset.hpp>
#include <distill/data/epoch_order.hpp>
#include <distill/data/gaussian_noise.hpp>
#include <distill/data/horizontal_flip.hpp>
#include <distill/data/in_turn.hpp>
#include <distill/data/loader.hpp>
#include <distill/data/mixup.hpp>
#include <distill/data/normalisation.hpp>
#include <distill/data/random_crop.hpp>

#include "harness/counting_new.hpp"
#include "harness/message.hpp"

namespace data_tests {

namespace data = distill::data;
using distill::index;
using distill::matrix_view;
using harness::message_of;

constexpr index rows = 25, columns = 12;

struct numbers {
  std::vector<std::uint8_t> pixels = std::vector<std::uint8_t>(static_cast<std::size_t>(rows * columns));
  std::vector<int> labels = std::vector<int>(static_cast<std::size_t>(rows));
  numbers() {
    for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i * 37 % 251);
    for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<int>(i % 3) - 1;
  }
  data::dataset<std::uint8_t> view() const { return {{pixels.data(), rows, columns}, labels}; }
};

TEST_CASE("epoch_order: a permutation, another one every epoch and for every seed, the same whenever it is asked") {
  std::vector<index> order(1000), other(1000), again(1000);
  data::epoch_order(order, 3, 0);
  data::epoch_order(other, 3, 1);
  data::epoch_order(again, 3, 0);
  CHECK(order == again);
  CHECK(order != other);
  data::epoch_order(other, 4, 0);
  CHECK(order != other);
  CHECK(std::set<index>(order.begin(), order.end()).size() == 1000);
  CHECK(*std::max_element(order.begin(), order.end()) == 999);
}

TEST_CASE("loader: every row once an epoch, with its label; the same bits alone, ahead, after seek and at any pace") {
  const numbers source;
  const auto change = data::in_turn(data::normalisation{{100}, {50}}, data::random_crop{{1, 3, 4}, 1, -2},
                                    data::horizontal_flip{{1, 3, 4}}, data::gaussian_noise{0.1});
  const auto all = [&](bool ahead, bool slow, index from = 0) {
    data::loader<float, std::uint8_t> batches(source.view(), {.batch = 7, .seed = 5, .ahead = ahead}, change);
    CHECK(batches.batches_per_epoch() == 4);
    std::vector<float> seen;
    if (from > 0) batches.next();  // a batch that is given up for another one
    batches.seek(from);
    for (index step = from; step < 9; ++step) {
      CHECK(batches.step() == step);
      const data::minibatch<float>& batch = batches.next();
      if (slow && step % 3 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(3));
      CHECK(batch.step == step);
      CHECK(batch.epoch == step / 4);
      CHECK(batch.size() == (step % 4 == 3 ? 4 : 7));
      for (index i = 0; i < batch.size(); ++i) {
        const auto sample = static_cast<std::size_t>(batch.samples[static_cast<std::size_t>(i)]);
        CHECK(batch.labels[static_cast<std::size_t>(i)] == source.labels[sample]);
      }
      seen.insert(seen.end(), batch.features.data, batch.features.data + batch.size() * columns);
    }
    return seen;
  };
  const std::vector<float> plain = all(false, false);
  CHECK(all(true, false) == plain);
  CHECK(all(true, true) == plain);
  const std::vector<float> late(plain.begin() + 5 * 7 * columns - 3 * columns, plain.end());
  CHECK(all(false, false, 5) == late);
  CHECK(all(true, false, 5) == late);

  data::loader<double, std::uint8_t> unchanged(source.view(), {.batch = 5, .drop_last = true});
  std::set<index> samples;
  for (int step = 0; step < 5; ++step) {
    const data::minibatch<double>& batch = unchanged.next();
    for (index i = 0; i < 5; ++i) {
      const index sample = batch.samples[static_cast<std::size_t>(i)];
      samples.insert(sample);
      CHECK(batch.features(i, 3) == source.pixels[static_cast<std::size_t>(sample * columns + 3)]);
    }
  }
  CHECK(samples.size() == 25);

  data::loader<float, std::uint8_t> in_order(source.view(), {.batch = 100, .shuffle = false});
  CHECK(in_order.next().samples[24] == 24);
  CHECK(in_order.batches_per_epoch() == 1);
  // A transposed matrix, no labels
  data::loader<float, std::uint8_t> strided({{source.pixels.data(), columns, rows, 1, columns}, {}},
                                            {.batch = 2, .shuffle = false});
  const data::minibatch<float>& first = strided.next();
  CHECK(first.features(1, 2) == source.pixels[2 * columns + 1]);
  CHECK(first.labels.empty());
}

TEST_CASE("loader: allocates nothing after its first batches, on either thread") {
  const numbers source;
  for (const bool ahead : {false, true}) {
    data::loader<float, std::uint8_t> batches(source.view(), {.batch = 6, .ahead = ahead},
                                              data::horizontal_flip{{1, 3, 4}});
    data::mixup<float> mix({.share = 0.5});
    std::vector<float> targets(6 * 10);
    const auto step = [&] {
      const data::minibatch<float>& batch = batches.next();
      mix(batch.step, batch.features);
      mix.targets(batch.labels, {targets.data(), batch.size(), 10});
    };
    for (int i = 0; i < 6; ++i) step();
    const long before = harness::allocations;
    for (int i = 0; i < 30; ++i) step();
    CHECK(harness::allocations == before);
  }
}

TEST_CASE("loader: what goes wrong on its thread is thrown where the batch is taken, and the batch can be had again") {
  const numbers source;
  for (const bool ahead : {false, true}) {
    bool broken = true;
    data::loader<float, std::uint8_t> batches(source.view(), {.batch = 5, .shuffle = false, .ahead = ahead},
                                              [&](std::span<float>, const data::sample_key& key) {
                                                if (key.sample == 12 && broken) throw std::runtime_error("no 12");
                                              });
    CHECK(batches.next().samples[0] == 0);
    CHECK(batches.next().samples[0] == 5);
    CHECK_THROWS_WITH(batches.next(), "no 12");
    CHECK_THROWS_WITH(batches.next(), "no 12");
    broken = false;
    CHECK(batches.next().samples[0] == 10);
    CHECK(batches.next().samples[0] == 15);
  }
}

TEST_CASE("loader: errors") {
  const numbers source;
  using bytes_loader = data::loader<float, std::uint8_t>;
  CHECK(message_of([&] {
          bytes_loader({{nullptr, 0, 3}, {}});
        }) == "distill: loader: features are 0 x 3, at least 1 x 1 expected");
  const std::vector<int> few(3);
  CHECK(message_of([&] {
          bytes_loader({{source.pixels.data(), rows, columns}, few});
        }) == "distill: loader: 3 labels, 25 rows of features");
  CHECK(message_of([&] { bytes_loader(source.view(), {.batch = 0}); }) ==
        "distill: loader: batch is 0, at least 1 expected");
  CHECK(message_of([&] { bytes_loader(source.view(), {.batch = 26, .drop_last = true}); }) ==
        "distill: loader: batch is 26, with drop_last at most the 25 rows expected");
  CHECK(message_of([&] { bytes_loader(source.view()).seek(-1); }) ==
        "distill: loader::seek: step is -1, at least 0 expected");
}

TEST_CASE("random_crop: every shift, in place, against the definition; and uniform over shifts") {
  constexpr index h = 4, w = 5;
  const data::random_crop crop{{2, h, w}, 3, -1};
  std::set<std::vector<float>> kinds;
  for (index sample = 0; sample < 3000; ++sample) {
    std::vector<float> image(2 * h * w), old;
    std::iota(image.begin(), image.end(), 1.0f);
    old = image;
    crop(std::span(image), {1, 2, sample});
    bool found = false;
    for (index dy = -3; dy <= 3; ++dy)
      for (index dx = -3; dx <= 3; ++dx) {
        bool same = true;
        for (index c = 0; c < 2; ++c)
          for (index y = 0; y < h; ++y)
            for (index x = 0; x < w; ++x) {
              const index sy = y + dy, sx = x + dx;
              const bool inside = sy >= 0 && sy < h && sx >= 0 && sx < w;
              const float expected = inside ? old[static_cast<std::size_t>((c * h + sy) * w + sx)] : -1;
              same = same && image[static_cast<std::size_t>((c * h + y) * w + x)] == expected;
            }
        found = found || same;
      }
    CHECK(found);
    kinds.insert(image);
  }
  CHECK(kinds.size() == 49);
  std::vector<float> wrong(7);
  CHECK(message_of([&] { crop(std::span(wrong), {}); }) ==
        "distill: random_crop: an image of 2 x 4 x 5 expected, the row has 7 elements");
  // A margin wider than the image leaves nothing of it, now and then.
  std::vector<float> small{1, 2};
  for (index sample = 0; sample < 100; ++sample) data::random_crop{{1, 1, 2}, 5}(std::span(small), {0, 0, sample});
  CHECK(small == std::vector<float>(2));
}

TEST_CASE(
    "horizontal_flip, gaussian_noise: a function of seed, epoch and sample; of the probability and the deviation") {
  int flipped = 0;
  double sum = 0, squares = 0;
  for (index sample = 0; sample < 2000; ++sample) {
    std::vector<double> image{1, 2, 3, 4, 5, 6}, again = image;
    data::horizontal_flip{{1, 2, 3}, 0.25}(std::span(image), {7, 1, sample});
    data::horizontal_flip{{1, 2, 3}, 0.25}(std::span(again), {7, 1, sample});
    CHECK(image == again);
    const bool mirrored = image == std::vector<double>{3, 2, 1, 6, 5, 4};
    CHECK((mirrored || image == std::vector<double>{1, 2, 3, 4, 5, 6}));
    flipped += mirrored;
    std::vector<double> noisy(2, 10);
    data::gaussian_noise{0.5}(std::span(noisy), {7, 1, sample});
    CHECK(noisy[0] != noisy[1]);
    for (const double x : noisy) sum += x - 10, squares += (x - 10) * (x - 10);
  }
  CHECK(flipped > 430);
  CHECK(flipped < 570);
  CHECK(std::abs(sum / 4000) < 0.03);
  CHECK(std::sqrt(squares / 4000) == doctest::Approx(0.5).epsilon(0.05));
}

TEST_CASE("normalisation: mean 0 and deviation 1 of what it was measured on, a group at a time") {
  const std::vector<double> table{1, 5, 10, 10, 3, 7, 10, 10, 5, 9, 10, 10};
  const matrix_view<const double> view(table.data(), 3, 4);
  const data::normalisation all = data::normalisation::measure(view), halves = data::normalisation::measure(view, 2);
  CHECK(all.mean[0] == doctest::Approx(7.5));
  CHECK(halves.mean == std::vector<double>{5, 10});
  CHECK(halves.deviation[0] == doctest::Approx(std::sqrt(20.0 / 3)));
  CHECK(halves.deviation[1] == 1);  // constant
  std::vector<float> row{5, 5, 10, 11};
  halves(std::span(row));
  CHECK(row == std::vector<float>{0, 0, 0, 1});
  CHECK_THROWS_AS(data::normalisation::measure(view, 3), distill::argument_error);
  std::vector<float> odd(5);
  CHECK(message_of([&] { halves(std::span(odd)); }) ==
        "distill: normalisation: row has 5 elements, there are 2 means and 2 deviations");
}

TEST_CASE("symmetric_beta: mean ½, variance 1 / (4 (2α + 1)), also where gamma variates underflow") {
  for (const double alpha : {1e-4, 0.2, 1.0, 5.0}) {
    CAPTURE(alpha);
    double sum = 0, squares = 0;
    constexpr int draws = 20000;
    for (int i = 0; i < draws; ++i) {
      const double x = data::detail::symmetric_beta(alpha, distill::random_stream(1, static_cast<std::uint64_t>(i)));
      CHECK_UNARY(x >= 0 && x <= 1);
      sum += x - 0.5;
      squares += (x - 0.5) * (x - 0.5);
    }
    const double variance = 1 / (4 * (2 * alpha + 1));
    CHECK(std::abs(sum / draws) < 5 * std::sqrt(variance / draws));
    CHECK(squares / draws == doctest::Approx(variance).epsilon(0.03));
  }
}

TEST_CASE("mixup: rows and targets by the formula; only the share, only the unlabelled; a function of seed and step") {
  constexpr index n = 20, d = 3;
  std::vector<double> original(n * d);
  for (std::size_t i = 0; i < original.size(); ++i) original[i] = static_cast<double>(i * i % 101);
  std::vector<int> labels(n);
  for (std::size_t i = 0; i < n; ++i) labels[i] = i % 2 == 0 ? static_cast<int>(i % 5) : -100;
  const auto mixed_rows = [&](data::mixup<double>& mix, index step, bool with_labels) {
    std::vector<double> x = original;
    mix(step, {x.data(), n, d}, with_labels ? distill::index_view(labels) : distill::index_view());
    int taking_part = 0;
    std::set<index> partners;
    for (std::size_t i = 0; i < n; ++i) {
      const double weight = mix.weights()[i];
      const auto other = static_cast<std::size_t>(mix.partners()[i]);
      partners.insert(mix.partners()[i]);
      taking_part += weight != 1 || other != i;
      if (with_labels && labels[i] >= 0) CHECK(weight == 1);
      for (std::size_t c = 0; c < d; ++c)
        CHECK(x[i * d + c] == doctest::Approx(weight * original[i * d + c] + (1 - weight) * original[other * d + c]));
    }
    CHECK(partners.size() == n);
    return taking_part;
  };
  data::mixup<double> whole({.alpha = 1}), part({.share = 0.3}), unlabelled({.only_unlabelled = true}),
      each({.alpha = 1, .one_weight = false});
  CHECK(mixed_rows(whole, 4, false) == 20);
  CHECK(std::set<double>(whole.weights().begin(), whole.weights().end()).size() == 1);
  const std::vector<index> partners(whole.partners().begin(), whole.partners().end());
  CHECK(mixed_rows(part, 4, false) == 6);
  CHECK(mixed_rows(unlabelled, 4, true) == 10);
  mixed_rows(each, 4, false);
  CHECK(std::set<double>(each.weights().begin(), each.weights().end()).size() == 20);
  mixed_rows(whole, 5, false);
  CHECK(std::vector<index>(whole.partners().begin(), whole.partners().end()) != partners);
  mixed_rows(whole, 4, false);
  CHECK(std::vector<index>(whole.partners().begin(), whole.partners().end()) == partners);

  std::vector<double> targets(n * 5);
  whole.targets(labels, {targets.data(), n, 5});
  for (std::size_t i = 0; i < n; ++i)
    for (int c = 0; c < 5; ++c) {
      const double weight = whole.weights()[i];
      const int other = labels[static_cast<std::size_t>(whole.partners()[i])];
      CHECK(targets[i * 5 + static_cast<std::size_t>(c)] ==
            doctest::Approx(weight * (labels[i] == c) + (1 - weight) * (other == c)));
    }

  std::vector<double> x = original;
  CHECK(message_of([&] {
          unlabelled(0, {x.data(), n, d});
        }) == "distill: mixup: 0 labels, 20 rows, one for each expected to see which have none");
  CHECK(x == original);
  CHECK(message_of([&] {
          whole.targets(labels, {targets.data(), 3, 5});
        }) == "distill: mixup: 20 labels and 3 rows of targets, the last batch has 20 rows");
  CHECK(message_of([] { data::mixup<float>({.alpha = 0}); }) ==
        "distill: mixup: alpha is 0, must be positive and finite");
  CHECK(message_of([] { data::mixup<float>({.share = 1.5}); }) == "distill: mixup: share is 1.5, must lie in [0, 1]");
}

}  // namespace data_tests
