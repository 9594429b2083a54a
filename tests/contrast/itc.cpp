#include <sstream>

#include <distill/method/hard_negatives.hpp>
#include <distill/method/itc.hpp>
#include <distill/state/memory_queue.hpp>

#include "contrast/support.hpp"

namespace contrast_tests {

using distill::contrast_options;
using distill::itc;
using distill::random_stream;

template <class T>
struct pairs {
  matrix<T> image, text, image_momentum, text_momentum, image_queue, text_queue;

  pairs(index rows, index width, index images, index texts)
      : image(random_matrix<T>(rows, width, 1)),
        text(random_matrix<T>(rows, width, 2)),
        image_momentum(random_matrix<T>(rows, width, 3)),
        text_momentum(random_matrix<T>(rows, width, 4)),
        image_queue(unit(random_matrix<T>(images, width, 5))),
        text_queue(unit(random_matrix<T>(texts, width, 6))) {}

  distill::itc_batch<T> batch() const {
    return {image.view(),         text.view(),        image_momentum.view(),
            text_momentum.view(), image_queue.view(), text_queue.view()};
  }
};

template <class T>
struct itc_answer {
  double value = 0, temperature = 12345;
  matrix<T> image{0, 0}, text{0, 0};
};
template <class T>
itc_answer<T> solve(const itc& objective, const pairs<T>& p, const contrast_options& options = {}) {
  itc_answer<T> got{0, 12345, matrix<T>(p.image.rows, p.image.columns, T(12345)),
                    matrix<T>(p.image.rows, p.image.columns, T(12345))};
  got.value =
      value_and_gradient(objective, p.batch(),
                         {.image = got.image.out(), .text = got.text.out(), .temperature = &got.temperature}, options);
  return got;
}

TEST_CASE("itc: a direct loop, slopes of features and temperature, float, tiles and threads") {
  pairs<double> p(7, 5, 4, 9);
  itc loss{.temperature = 0.2, .alpha = 0.3};
  // Targets are constants: their temperature stays when the student's is moved.
  const double target_temperature = loss.temperature;
  const auto direction = [&](const matrix<double>& anchors, const matrix<double>& targets, const matrix<double>& keys,
                             const matrix<double>& queue) {
    double total = 0;
    for (index i = 0; i < anchors.rows; ++i) {
      std::vector<double> own, target;
      for (index j = 0; j < keys.rows + queue.rows; ++j) {
        const auto with = [&](const matrix<double>& from) {
          if (j < keys.rows) return cosine(from, i, keys, j);
          return cosine(from, i, queue, j - keys.rows);
        };
        own.push_back(with(anchors) / loss.temperature);
        target.push_back(with(targets) / target_temperature);
      }
      const double a = log_sum_exp(own), b = log_sum_exp(target);
      for (std::size_t j = 0; j < own.size(); ++j)
        total -= (loss.alpha * std::exp(target[j] - b) + (static_cast<index>(j) == i ? 1 - loss.alpha : 0)) *
                 (own[j] - a) / static_cast<double>(anchors.rows);
    }
    return total;
  };
  const auto expected = [&] {
    return (direction(p.image, p.image_momentum, p.text_momentum, p.text_queue) +
            direction(p.text, p.text_momentum, p.image_momentum, p.image_queue)) /
           2;
  };
  const itc_answer<double> got = solve(loss, p);
  CHECK(got.value == doctest::Approx(expected()).epsilon(1e-13));
  CHECK(value(loss, p.batch()) == got.value);
  CHECK(relative_distance(got.image.data, differences(p.image.data, expected)) < 1e-6);
  CHECK(relative_distance(got.text.data, differences(p.text.data, expected)) < 1e-6);
  CHECK(got.temperature == doctest::Approx(difference(loss.temperature, expected)).epsilon(1e-6));
  for (const index tile : {1, 30, 60}) {
    const itc_answer<double> tiled = solve(loss, p, {.largest_tile = tile});
    CHECK(tiled.value == doctest::Approx(got.value).epsilon(1e-14));
    CHECK(tiled.temperature == doctest::Approx(got.temperature).epsilon(1e-13));
    CHECK(relative_distance(tiled.image.data, got.image.data) < 1e-13);
    const itc_answer<double> threads = solve(loss, p, {.execution = {3}, .largest_tile = tile});
    CHECK(threads.value == tiled.value);
    CHECK(threads.temperature == tiled.temperature);
    CHECK(same_bits(threads.text.data, tiled.text.data));
  }
  const itc_answer<float> single = solve(loss, pairs<float>(7, 5, 4, 9));
  CHECK(single.value == doctest::Approx(got.value).epsilon(1e-6));
  CHECK(single.temperature == doctest::Approx(got.temperature).epsilon(1e-5));
  CHECK(relative_distance(single.image.data, got.image.data) < 1e-5);
  CHECK(relative_distance(single.text.data, got.text.data) < 1e-5);
  matrix<double> sum(7, 5, 0.5);
  value_and_gradient(loss, p.batch(), {.text = sum.out()}, {.upstream = 3, .store = distill::store_mode::accumulate});
  for (double& x : sum.data) x = (x - 0.5) / 3;
  CHECK(relative_distance(sum.data, got.text.data) < 1e-13);
}

TEST_CASE("itc: edges and errors") {
  const pairs<double> one(1, 5, 0, 0);
  CHECK(solve(itc{}, one).value == doctest::Approx(0).epsilon(1e-15));
  const itc_answer<double> nothing = solve(itc{}, pairs<double>(0, 5, 3, 3));
  CHECK(nothing.value == 0);
  CHECK(nothing.temperature == 0);
  for (const double alpha : {0.0, 1.0}) {
    const itc_answer<double> got = solve(itc{.temperature = 0.005, .alpha = alpha}, pairs<double>(6, 5, 4, 0));
    CHECK(std::isfinite(got.value));
    CHECK(all_finite(got.image.data));
  }
  const pairs<double> p(6, 5, 2, 2);
  CHECK(message_of([&] { value(itc{.temperature = 0}, p.batch()); }) ==
        "distill: itc: temperature is 0, must be positive and finite");
  CHECK(message_of([&] { value(itc{.alpha = 1.5}, p.batch()); }) == "distill: itc: alpha is 1.5, must lie in [0, 1]");
  distill::itc_batch<double> in = p.batch();
  in.text.rows = 5;
  CHECK(message_of([&] { value(itc{}, in); }) == "distill: text has 5 rows, image has 6");
  in = p.batch();
  in.text_momentum.columns = 4;
  CHECK(message_of([&] { value(itc{}, in); }) == "distill: text_momentum has 4 columns, image has 5");
  in = p.batch();
  in.image_queue.columns = 4;
  CHECK(message_of([&] { value(itc{}, in); }) == "distill: image_queue has 4 columns, image has 5");
}

TEST_CASE("itc: queues saved and restored in mid-run give the same bits") {
  const auto step = [](int number, distill::memory_queue<float>& images, distill::memory_queue<float>& texts) {
    const auto rows = [&](std::uint64_t seed) {
      return random_matrix<float>(4, 5, seed + 10 * static_cast<std::uint64_t>(number));
    };
    const matrix<float> image = rows(1), text = rows(2), image_momentum = rows(3), text_momentum = rows(4);
    matrix<float> gradient(4, 5);
    std::vector<double> result{
        value_and_gradient(itc{},
                           distill::itc_batch<float>{image.view(), text.view(), image_momentum.view(),
                                                     text_momentum.view(), images.keys(), texts.keys()},
                           {.image = gradient.out()})};
    result.insert(result.end(), gradient.data.begin(), gradient.data.end());
    images.push(image_momentum.view());
    texts.push(text_momentum.view());
    return result;
  };
  distill::memory_queue<float> images(10, 5), texts(6, 5);
  for (int i = 0; i < 4; ++i) step(i, images, texts);
  std::stringstream file;
  images.save(file);
  texts.save(file);
  distill::memory_queue<float> restored_images(1, 1), restored_texts(1, 1);
  restored_images.load(file);
  restored_texts.load(file);
  for (int i = 4; i < 8; ++i) CHECK(step(i, images, texts) == step(i, restored_images, restored_texts));
}

TEST_CASE("hard_negatives: never the own key, by the softmax of the others, reproducible") {
  const matrix<double> a = random_matrix<double>(5, 4, 1), k = random_matrix<double>(5, 4, 2);
  distill::contrast_workspace<double> workspace;
  const double temperature = 0.5;
  std::vector<double> count(25);
  constexpr int draws = 20000;
  std::vector<index> chosen(5);
  for (int step = 0; step < draws; ++step) {
    distill::hard_negatives<double>(a.view(), k.view(), temperature, random_stream(7, static_cast<std::uint64_t>(step)),
                                    chosen, {}, workspace);
    for (index i = 0; i < 5; ++i) ++count[static_cast<std::size_t>(i * 5 + chosen[static_cast<std::size_t>(i)])];
  }
  for (index i = 0; i < 5; ++i) {
    std::vector<double> others;
    for (index j = 0; j < 5; ++j)
      if (j != i) others.push_back(cosine(a, i, k, j) / temperature);
    const double total = log_sum_exp(others);
    CHECK(count[static_cast<std::size_t>(6 * i)] == 0);
    for (index j = 0; j < 5; ++j)
      if (j != i)
        CHECK(count[static_cast<std::size_t>(i * 5 + j)] / draws ==
              doctest::Approx(std::exp(cosine(a, i, k, j) / temperature - total)).epsilon(0.02));
  }
  std::vector<index> again(5);
  for (const index tile : {1, 1000}) {
    distill::hard_negatives<double>(a.view(), k.view(), temperature, random_stream(7, draws - 1), again,
                                    {.execution = {2}, .largest_tile = tile}, workspace);
    CHECK(again == chosen);
  }
}

TEST_CASE("hard_negatives: one pair has none, far keys still have a chance, errors") {
  distill::contrast_workspace<float> workspace;
  const matrix<float> one = random_matrix<float>(1, 4, 1);
  std::vector<index> chosen{7};
  distill::hard_negatives<float>(one.view(), one.view(), 0.1, random_stream(1), chosen, {}, workspace);
  CHECK(chosen[0] == -1);
  // The own key is perfect and the others opposite: the softmax of all would round to the own one.
  matrix<float> a(3, 1, {1, -1, -1});
  chosen.resize(3);
  distill::hard_negatives<float>(a.view(), a.view(), 0.001, random_stream(1), chosen, {}, workspace);
  CHECK((chosen[0] == 1 || chosen[0] == 2));
  CHECK(chosen[1] == 2);
  CHECK(chosen[2] == 1);
  a(1, 0) = NAN;
  distill::hard_negatives<float>(a.view(), a.view(), 0.1, random_stream(1), chosen, {}, workspace);
  CHECK(chosen == std::vector<index>{-1, -1, -1});
  CHECK(message_of([&] {
          distill::hard_negatives<float>(a.view(), a.view(), 0, random_stream(1), chosen, {}, workspace);
        }) == "distill: hard_negatives: temperature is 0, must be positive and finite");
  CHECK(message_of([&] {
          distill::hard_negatives<float>(a.view(), one.view(), 1, random_stream(1), chosen, {}, workspace);
        }) == "distill: keys has 1 rows, anchors has 3");
  chosen.resize(2);
  CHECK(message_of([&] {
          distill::hard_negatives<float>(a.view(), a.view(), 1, random_stream(1), chosen, {}, workspace);
        }) == "distill: hard_negatives: chosen has 2 entries, anchors has 3 rows");
}

}  // namespace contrast_tests
