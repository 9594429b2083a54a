// info_nce, nt_xent, supcon and similarity_ce: one engine.
#include <distill/contrast/evaluate.hpp>
#include <distill/objective/info_nce.hpp>
#include <distill/objective/nt_xent.hpp>
#include <distill/objective/similarity_ce.hpp>
#include <distill/objective/supcon.hpp>
#include <distill/state/memory_queue.hpp>

#include "contrast/support.hpp"

namespace contrast_tests {

using distill::contrast_batch;
using distill::contrast_directions;
using distill::contrast_options;
using distill::info_nce;
using distill::nt_xent;
using distill::similarity_ce;
using distill::supcon;

template <class T>
struct problem {
  matrix<T> anchors, keys, queue{0, 0};
  std::vector<std::int32_t> labels{};

  contrast_batch<T> batch() const {
    contrast_batch<T> in{.anchors = anchors.view(), .keys = keys.view(), .queue = queue.view()};
    if (!labels.empty()) in.labels = labels;
    return in;
  }
};

template <class T>
struct answer {
  double value = 0, temperature = 12345;
  std::vector<T> anchors, keys;
};

template <class O>
inline constexpr bool keys_are_constant = O::scheme == distill::contrast_scheme::targets;

template <class O, class T>
answer<T> solve(const O& objective, const problem<T>& p, const contrast_options& options = {}) {
  answer<T> result;
  matrix<T> anchors(p.anchors.rows, p.anchors.columns, T(12345)), keys(p.keys.rows, p.keys.columns, T(12345));
  distill::contrast_gradients<T> out{.anchors = anchors.out(), .temperature = &result.temperature};
  if (!keys_are_constant<O>) out.keys = keys.out();
  result.value = value_and_gradient(objective, p.batch(), out, options);
  result.anchors = anchors.data;
  if (!keys_are_constant<O>) result.keys = keys.data;
  return result;
}

template <class T>
bool same(const answer<T>& a, const answer<T>& b) {
  return a.value == b.value && a.temperature == b.temperature && same_bits(a.anchors, b.anchors) &&
         same_bits(a.keys, b.keys);
}

template <class O>
double& temperature_of(O& objective) {
  if constexpr (requires { objective.temperature; })
    return objective.temperature;
  else
    return objective.student_temperature;
}

/// Everything that holds for each of them.
template <class O>
void battery(O objective, problem<double> p) {
  CAPTURE(O::info.name);
  const answer<double> got = solve(objective, p);
  CHECK(got.value >= 0);
  CHECK(value(objective, p.batch()) == got.value);
  const auto value_now = [&] { return value(objective, p.batch()); };
  CHECK(relative_distance(got.anchors, differences(p.anchors.data, value_now)) < 1e-6);
  if (!keys_are_constant<O>) CHECK(relative_distance(got.keys, differences(p.keys.data, value_now)) < 1e-6);
  CHECK(got.temperature == doctest::Approx(difference(temperature_of(objective), value_now)).epsilon(1e-6));

  const auto rounded = [](const matrix<double>& m) {
    return matrix<float>(m.rows, m.columns, std::vector<float>(m.data.begin(), m.data.end()));
  };
  const problem<float> single{rounded(p.anchors), rounded(p.keys), rounded(p.queue), p.labels};
  const answer<float> near = solve(objective, single);
  CHECK(near.value == doctest::Approx(got.value).epsilon(1e-5));
  CHECK(near.temperature == doctest::Approx(got.temperature).epsilon(1e-4));
  CHECK(relative_distance(near.anchors, got.anchors) < 1e-4);
  CHECK(relative_distance(near.keys, got.keys) < 1e-4);

  // Tiles of one, two, … anchors; threads; a workspace that has seen other shapes.
  distill::contrast_workspace<double> workspace;
  for (const index tile : {1, 23, 60, 100}) {
    CAPTURE(tile);
    const answer<double> tiled = solve(objective, p, {.largest_tile = tile});
    CHECK(tiled.value == doctest::Approx(got.value).epsilon(1e-13));
    CHECK(tiled.temperature == doctest::Approx(got.temperature).epsilon(1e-12));
    CHECK(relative_distance(tiled.anchors, got.anchors) < 1e-13);
    CHECK(relative_distance(tiled.keys, got.keys) < 1e-13);
    value(objective, p.batch(), {.largest_tile = tile}, workspace);
    for (const int threads : {2, 3})
      CHECK(same(solve(objective, p, {.execution = {threads}, .largest_tile = tile}), tiled));
  }
  CHECK(value(objective, p.batch(), {}, workspace) == got.value);

  // Upstream, accumulation, one gradient alone, and features and gradients in column-major memory.
  matrix<double> sum(p.anchors.rows, p.anchors.columns, 0.25);
  double temperature = 0.25;
  value_and_gradient(objective, p.batch(), {.anchors = sum.out(), .temperature = &temperature},
                     {.upstream = -2, .store = distill::store_mode::accumulate});
  for (double& x : sum.data) x = (x - 0.25) / -2;
  CHECK(relative_distance(sum.data, got.anchors) < 1e-13);
  CHECK((temperature - 0.25) / -2 == doctest::Approx(got.temperature).epsilon(1e-12));
  matrix<double> turned(p.anchors.columns, p.anchors.rows), to(p.anchors.columns, p.anchors.rows);
  for (index r = 0; r < p.anchors.rows; ++r)
    for (index c = 0; c < p.anchors.columns; ++c) turned(c, r) = p.anchors(r, c);
  contrast_batch<double> in = p.batch();
  in.anchors = distill::transposed(turned.view());
  CHECK(value_and_gradient(objective, in, {.anchors = distill::transposed(to.out())}) == got.value);
  for (index r = 0; r < p.anchors.rows; ++r)
    for (index c = 0; c < p.anchors.columns; ++c)
      REQUIRE(to(c, r) == got.anchors[static_cast<std::size_t>(r * p.anchors.columns + c)]);

  // A row of zeros meets everything at cosine 0 and gets no gradient. NaN is not hidden. No rows: nothing.
  problem<double> zero = p;
  for (index c = 0; c < p.anchors.columns; ++c) zero.anchors(1, c) = 0;
  const answer<double> with_zero = solve(objective, zero);
  CHECK(std::isfinite(with_zero.value));
  CHECK(all_finite(with_zero.anchors));
  for (index c = 0; c < p.anchors.columns; ++c)
    CHECK(with_zero.anchors[static_cast<std::size_t>(p.anchors.columns + c)] == 0);
  zero.anchors(1, 0) = NAN;
  CHECK(std::isnan(solve(objective, zero).value));
  problem<double> nothing{matrix<double>(0, 4), matrix<double>(0, 4), p.queue, {}};
  if (O::scheme == distill::contrast_scheme::classes) nothing.labels = {};
  nothing.queue = matrix<double>(0, 4);
  const answer<double> of_nothing = solve(objective, nothing);
  CHECK(of_nothing.value == 0);
  CHECK(of_nothing.temperature == 0);

  // Softmaxes of cosines over 0.005 spread over 400: nothing overflows, slopes stay those of the value.
  temperature_of(objective) = 0.005;
  const answer<double> sharp = solve(objective, p);
  CHECK(std::isfinite(sharp.value));
  CHECK(relative_distance(sharp.anchors, differences(p.anchors.data, value_now, 1e-7)) < 1e-4);
  const answer<float> sharp_single = solve(objective, single);
  CHECK(sharp_single.value == doctest::Approx(sharp.value).epsilon(1e-4));
  CHECK(all_finite(sharp_single.anchors));
}

problem<double> two_sides(index rows, index width, index queue = 0) {
  return {random_matrix<double>(rows, width, 1),
          random_matrix<double>(rows, width, 2),
          unit(random_matrix<double>(queue, width, 3)),
          {}};
}

TEST_CASE("info_nce: slopes, float, tiles, threads, layouts, edges") {
  const problem<double> p = two_sides(11, 6);
  for (const auto directions :
       {contrast_directions::anchors, contrast_directions::sum_of_both, contrast_directions::mean_of_both})
    battery(info_nce{.temperature = 0.2, .directions = directions}, p);
  problem<double> permuted = p;
  permuted.labels = {3, 4, 5, 6, 7, 8, 9, 10, 0, 1, 2};
  battery(info_nce{.temperature = 0.2, .directions = contrast_directions::sum_of_both}, permuted);
}

TEST_CASE("info_nce: keys from a queue, labels that name any of them, or none") {
  battery(info_nce{.temperature = 0.2}, two_sides(11, 6, 7));
  battery(info_nce{.temperature = 0.2, .directions = contrast_directions::mean_of_both}, two_sides(11, 6, 7));
  problem<double> p{random_matrix<double>(9, 5, 1),
                    random_matrix<double>(4, 5, 2),
                    unit(random_matrix<double>(7, 5, 3)),
                    {0, 1, 10, 4, -100, 3, 3, 3, 7}};
  battery(info_nce{.temperature = 0.3}, p);
  double expected = 0;
  for (index i = 0; i < 9; ++i) {
    std::vector<double> row;
    for (index j = 0; j < 11; ++j)
      row.push_back((j < 4 ? cosine(p.anchors, i, p.keys, j) : cosine(p.anchors, i, p.queue, j - 4)) / 0.3);
    const auto label = p.labels[static_cast<std::size_t>(i)];
    if (label >= 0) expected += (log_sum_exp(row) - row[static_cast<std::size_t>(label)]) / 9;
  }
  CHECK(value(info_nce{.temperature = 0.3}, p.batch()) == doctest::Approx(expected).epsilon(1e-13));
}

TEST_CASE("info_nce: one anchor with one key has nothing to learn; directions add up") {
  const problem<double> one = two_sides(1, 5);
  const answer<double> got = solve(info_nce{.directions = contrast_directions::sum_of_both}, one);
  CHECK(got.value == 0);
  CHECK(all_zero(got.anchors));
  CHECK(all_zero(got.keys));

  const problem<double> p = two_sides(8, 5);
  const problem<double> exchanged{p.keys, p.anchors, p.queue, {}};
  const double both = value(info_nce{.directions = contrast_directions::sum_of_both}, p.batch());
  CHECK(both == doctest::Approx(value(info_nce{}, p.batch()) + value(info_nce{}, exchanged.batch())).epsilon(1e-14));
  CHECK(value(info_nce{.directions = contrast_directions::mean_of_both}, p.batch()) ==
        doctest::Approx(both / 2).epsilon(1e-15));
}

TEST_CASE("nt_xent: the battery, a direct loop, two ways to hand over the views") {
  const problem<double> p = two_sides(6, 5);
  battery(nt_xent{.temperature = 0.3}, p);
  matrix<double> all(12, 5, p.anchors.data);
  all.data.resize(30);
  all.data.insert(all.data.end(), p.keys.data.begin(), p.keys.data.end());
  all.rows = 12;
  double expected = 0;
  for (index i = 0; i < 12; ++i) {
    std::vector<double> others;
    for (index j = 0; j < 12; ++j)
      if (j != i) others.push_back(cosine(all, i, all, j) / 0.3);
    expected += (log_sum_exp(others) - cosine(all, i, all, (i + 6) % 12) / 0.3) / 12;
  }
  const answer<double> got = solve(nt_xent{.temperature = 0.3}, p);
  CHECK(got.value == doctest::Approx(expected).epsilon(1e-13));
  const answer<double> together = solve(nt_xent{.temperature = 0.3}, problem<double>{all, matrix<double>(0, 5)});
  CHECK(together.value == got.value);
  CHECK(std::equal(got.anchors.begin(), got.anchors.end(), together.anchors.begin()));
  CHECK(std::equal(got.keys.begin(), got.keys.end(), together.anchors.begin() + 30));

  const answer<double> one = solve(nt_xent{}, two_sides(1, 5));
  CHECK(one.value == 0);
  CHECK(all_zero(one.anchors));
}

TEST_CASE("supcon: the battery, a direct loop, labels that all differ") {
  problem<double> p = two_sides(7, 5);
  p.labels = {4, -3, 4, 4, 9, -3, 70};
  battery(supcon{.temperature = 0.3, .base_temperature = 0.2}, p);
  problem<double> alone{p.anchors, matrix<double>(0, 5), matrix<double>(0, 0), p.labels};
  battery(supcon{.temperature = 0.3, .base_temperature = 0.2}, alone);
  double expected = 0;
  for (index i = 0; i < 7; ++i) {
    std::vector<double> others;
    double positives = 0, count = 0;
    for (index j = 0; j < 7; ++j) {
      if (j == i) continue;
      others.push_back(cosine(p.anchors, i, p.anchors, j) / 0.3);
      if (p.labels[static_cast<std::size_t>(j)] != p.labels[static_cast<std::size_t>(i)]) continue;
      positives += others.back();
      ++count;
    }
    if (count > 0) expected += 0.3 / 0.2 * (log_sum_exp(others) - positives / count) / 7;
  }
  CHECK(value(supcon{.temperature = 0.3, .base_temperature = 0.2}, alone.batch()) ==
        doctest::Approx(expected).epsilon(1e-13));

  alone.labels = {1, 2, 3, 4, 5, 6, 7};
  const answer<double> different = solve(supcon{}, alone);
  CHECK(different.value == 0);
  CHECK(different.temperature == 0);
  CHECK(all_zero(different.anchors));
  // Two views of each sample, nothing else alike: NT-Xent.
  p.labels = {1, 2, 3, 4, 5, 6, 7};
  CHECK(value(supcon{.temperature = 0.3, .base_temperature = 0.3}, p.batch()) ==
        doctest::Approx(value(nt_xent{.temperature = 0.3}, problem<double>{p.anchors, p.keys}.batch())).epsilon(1e-13));
}

TEST_CASE("similarity_ce: the battery, a direct loop, the divergence is 0 where the student agrees") {
  for (const index queue : {0, 9})
    for (const bool relative : {false, true}) {
      const similarity_ce loss{.student_temperature = 0.2, .teacher_temperature = 0.3, .relative = relative};
      const problem<double> p = two_sides(7, 5, queue);
      battery(loss, p);
      double expected = 0;
      for (index i = 0; i < 7; ++i) {
        std::vector<double> own, target;
        for (index j = 0; j < 7 + queue; ++j) {
          own.push_back((j < 7 ? cosine(p.anchors, i, p.keys, j) : cosine(p.anchors, i, p.queue, j - 7)) / 0.2);
          target.push_back((j < 7 ? cosine(p.keys, i, p.keys, j) : cosine(p.keys, i, p.queue, j - 7)) / 0.3);
        }
        const double a = log_sum_exp(own), b = log_sum_exp(target);
        for (std::size_t j = 0; j < own.size(); ++j)
          expected += std::exp(target[j] - b) * ((relative ? target[j] - b : 0) - (own[j] - a)) / 7;
      }
      CHECK(value(loss, p.batch()) == doctest::Approx(expected).epsilon(1e-13));
    }
  problem<double> equal = two_sides(7, 5, 9);
  equal.anchors = equal.keys;
  const answer<double> got =
      solve(similarity_ce{.student_temperature = 0.1, .teacher_temperature = 0.1, .relative = true}, equal);
  CHECK(std::abs(got.value) < 1e-15);
  for (const double x : got.anchors) CHECK(std::abs(x) < 1e-14);
}

TEST_CASE("A queue is used where it lies, in either order of memory") {
  const problem<double> p = two_sides(6, 5, 8);
  distill::memory_queue<double> queue(8, 5);
  queue.push(p.queue.view());
  contrast_batch<double> in = p.batch();
  in.queue = queue.keys();
  CHECK(value(info_nce{}, in) == doctest::Approx(value(info_nce{}, p.batch())).epsilon(1e-14));
  matrix<double> turned(5, 8);
  for (index r = 0; r < 8; ++r)
    for (index c = 0; c < 5; ++c) turned(c, r) = p.queue(r, c);
  in.queue = distill::transposed(turned.view());
  CHECK(value(info_nce{}, in) == doctest::Approx(value(info_nce{}, p.batch())).epsilon(1e-14));
}

template <class O>
void threads_change_no_bit(const O& objective, const problem<float>& p) {
  CAPTURE(O::info.name);
  for (const index tile : {1 << 22, 20000}) {
    const answer<float> one = solve(objective, p, {.largest_tile = tile});
    CHECK(std::isfinite(one.value));
    for (const int threads : {2, 3, 0})
      CHECK(same(solve(objective, p, {.execution = {threads}, .largest_tile = tile}), one));
  }
}

TEST_CASE("Enough work for several threads: not a bit changes") {
  problem<float> p{
      random_matrix<float>(210, 67, 1), random_matrix<float>(210, 67, 2), unit(random_matrix<float>(75, 67, 3)), {}};
  threads_change_no_bit(info_nce{}, p);
  threads_change_no_bit(info_nce{.directions = contrast_directions::sum_of_both}, p);
  threads_change_no_bit(similarity_ce{}, p);
  p.queue = matrix<float>(0, 67);
  threads_change_no_bit(nt_xent{}, p);
  for (int i = 0; i < 210; ++i) p.labels.push_back(i * i % 11);
  threads_change_no_bit(supcon{}, p);
}

template <class T, class O, class Make>
void references(const std::string& name, const Make& make) {
  const double epsilon = static_cast<double>(std::numeric_limits<T>::epsilon());
  int number = 0;
  for (const harness::pair_reference& one : harness::pair_reference_cases(name)) {
    ++number;
    INFO(name << ", case " << number << ", " << 8 * sizeof(T) << " bits");
    const auto input = [&](std::size_t i) {
      const auto& shape = one.inputs.shape[i];
      return matrix<T>(shape.rows, shape.columns, std::vector<T>(one.inputs.data[i].begin(), one.inputs.data[i].end()));
    };
    problem<T> p{input(0), input(1)};
    p.labels.assign(one.labels.begin(), one.labels.end());
    const O objective = make(one.parameters);
    const answer<T> got = solve(objective, p);
    // A cosine's rounding is seen 1/τ times as large.
    const double unit = epsilon / temperature_of(const_cast<O&>(objective));
    CHECK(std::abs(got.value - one.value) <= 8 * unit + 8 * epsilon * std::abs(one.value));
    for (const auto& [side, expected] : one.gradient)
      CHECK(relative_distance(side == "student" ? got.anchors : got.keys, expected, 1e-2) <= 16 * unit);
  }
  CHECK(number >= 5);
}

TEST_CASE_TEMPLATE("References with many digits", T, double, float) {
  using harness::parameters;
  references<T, info_nce>("info_nce", [](const parameters& p) {
    return info_nce{p["temperature"],
                    p["symmetric"] != 0 ? contrast_directions::sum_of_both : contrast_directions::anchors};
  });
  references<T, nt_xent>("nt_xent", [](const parameters& p) { return nt_xent{p["temperature"]}; });
  references<T, supcon>("supcon", [](const parameters& p) { return supcon{p["temperature"], p["base_temperature"]}; });
  references<T, similarity_ce>("similarity_ce", [](const parameters& p) {
    return similarity_ce{p["student_temperature"], p["teacher_temperature"], p["relative"] != 0};
  });
}

TEST_CASE("Errors name the argument and both values, before anything is written") {
  const problem<double> p = two_sides(6, 5, 3);
  matrix<double> gradient(6, 5, 7.0), other(5, 5, 7.0);
  const auto message = [&](const auto& objective, const contrast_batch<double>& in,
                           const contrast_options& options = {}) {
    const std::string text =
        message_of([&] { value_and_gradient(objective, in, {.anchors = gradient.out()}, options); });
    CHECK(gradient.data == std::vector<double>(30, 7.0));
    return text;
  };
  contrast_batch<double> in = p.batch();
  CHECK(message(info_nce{.temperature = 0}, in) == "distill: info_nce: temperature is 0, must be positive and finite");
  CHECK(message(nt_xent{}, in).starts_with("distill: nt_xent: queue has 3 rows"));
  CHECK(message(similarity_ce{.student_temperature = NAN}, in).find("similarity_ce: temperature") != std::string::npos);
  CHECK(message(similarity_ce{.teacher_temperature = 0}, in) ==
        "distill: similarity_ce: teacher_temperature is 0, must be positive and finite");
  CHECK(message(info_nce{}, in, {.largest_tile = 0}) == "distill: info_nce: largest_tile is 0, must be at least 1");
  CHECK(message(info_nce{}, in, {.execution = {-1}}).find("execution.threads") != std::string::npos);
  in.keys.rows = 5;
  CHECK(message(info_nce{}, in) == "distill: keys has 5 rows, anchors has 6");
  CHECK(message(similarity_ce{}, in) == "distill: keys has 5 rows, anchors has 6");
  in.keys = matrix_view<const double>(p.keys.data.data(), 6, 4, 5);
  CHECK(message(info_nce{}, in) == "distill: keys has 4 columns, anchors has 5");
  in = p.batch();
  in.queue.columns = 4;
  CHECK(message(info_nce{}, in) == "distill: queue has 4 columns, anchors has 5");
  in.queue = matrix_view<const double>(p.queue.data.data(), 1, 5, 9, 2);
  CHECK(message(info_nce{}, in) == "distill: queue has strides 9 and 2, one of them must be 1");
  in = p.batch();
  const std::vector<int> few{1, 2}, wrong{0, 1, 2, 3, 4, 9}, twice{0, 1, 2, 3, 4, 4};
  in.labels = few;
  CHECK(message(info_nce{}, in) == "distill: labels has 2 entries, anchors has 6 rows");
  in.labels = wrong;
  CHECK(message(info_nce{}, in).starts_with("distill: labels[5] is 9, must lie in [0, 9)"));
  CHECK(message(info_nce{.directions = contrast_directions::sum_of_both}, in) ==
        "distill: info_nce: labels[5] is 9, in both directions each key in [0, 6) must occur once");
  contrast_batch<double> keyless{.anchors = p.anchors.view(), .labels = wrong};
  CHECK(message(info_nce{}, keyless) == "distill: keys has 0 rows, anchors has 6");
  in.labels = twice;
  CHECK(message(info_nce{.directions = contrast_directions::sum_of_both}, in).find("must occur once") !=
        std::string::npos);
  CHECK(message(similarity_ce{}, in) == "distill: similarity_ce: labels has 6 entries, must be empty");
  contrast_batch<double> views{.anchors = p.anchors.view()};
  views.anchors.rows = 5;
  CHECK(message_of([&] { value(nt_xent{}, views); }) ==
        "distill: nt_xent: anchors has 5 rows, without keys they are two views: an even number");
  views.anchors.rows = 6;
  CHECK(message(supcon{}, views) == "distill: labels has 0 entries, anchors and keys have 6 rows");
  views.labels = twice;
  CHECK(message(supcon{.base_temperature = 0}, views) ==
        "distill: supcon: base_temperature is 0, must be positive and finite");
  CHECK(message_of([&] { value_and_gradient(info_nce{}, p.batch(), {.keys = other.out()}); }) ==
        "distill: gradient to keys is 5 x 5, keys is 6 x 5");
  CHECK(message_of([&] { value_and_gradient(similarity_ce{}, p.batch(), {.keys = gradient.out()}); }) ==
        "distill: gradient to keys: similarity_ce holds them constant");
}

}  // namespace contrast_tests
