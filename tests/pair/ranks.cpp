// Ranks with and without a gradient, and the correlations of ranks.
#include <distill/objective/cmkd.hpp>
#include <distill/objective/pearson.hpp>
#include <distill/objective/spearman.hpp>
#include <distill/rank/average_ranks.hpp>
#include <distill/rank/soft_ranks.hpp>

#include <memory>
#include <numeric>

#include "harness/pair.hpp"

namespace rank_tests {

using distill::feature_pair;
using distill::feature_shape;
using distill::index;
using distill::matrix_view;
using distill::rank_regularisation;
using distill::soft_rank_options;
using harness::message_of;
constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

template <class T>
struct ranked_row {
  distill::soft_ranking row;
  std::vector<T> ranks;
  std::vector<std::int32_t> order;
};

template <class T>
distill::rank_scratch<T> scratch_for(std::size_t n) {
  static distill::buffer<std::byte> memory;
  const auto size = static_cast<index>(n);
  return {memory.reserve(distill::rank_scratch<T>::bytes(size)), size};
}
template <class T>
ranked_row<T> soft(const std::vector<T>& x, const soft_rank_options& options = {}) {
  ranked_row<T> result{{}, std::vector<T>(x.size(), T(777)), std::vector<std::int32_t>(x.size())};
  result.row = distill::soft_rank_row(x.data(), static_cast<index>(x.size()), options, result.ranks.data(),
                                      result.order.data(), scratch_for<T>(x.size()));
  return result;
}
template <class T>
std::vector<T> soft_back(const std::vector<T>& x, const std::vector<T>& slope, const soft_rank_options& options = {}) {
  const auto forward = soft(x, options);
  std::vector<T> result = slope;  // in place, as a stage does
  distill::soft_rank_row_back(x.data(), forward.ranks.data(), static_cast<index>(x.size()), options, forward.row,
                              forward.order.data(), result.data(), result.data());
  return result;
}
template <class T>
std::vector<T> averages(const std::vector<T>& x, index* different = nullptr) {
  std::vector<T> result = x;
  const index n =
      distill::average_rank_row(x.data(), static_cast<index>(x.size()), result.data(), scratch_for<T>(x.size()));
  if (different) *different = n;
  return result;
}

/// Normal numbers in steps of 1/step, so that a sum with an offset is exact; small steps make ties.
template <class T>
std::vector<T> numbers(index n, std::uint64_t seed, double step, double offset = 0) {
  const distill::random_stream random(seed);
  std::vector<T> result;
  for (index i = 0; i < n; ++i)
    result.push_back(static_cast<T>(std::round(step * random.normal(static_cast<std::uint64_t>(i))) / step + offset));
  return result;
}

double default_strength(const std::vector<double>& x, double softness) {
  const auto n = static_cast<double>(x.size());
  const double first = x[0];
  double mean = 0, squares = 0;
  for (const double v : x) mean += (v - first) / n;
  for (const double v : x) squares += (v - first - mean) * (v - first - mean);
  return softness * 2 * std::sqrt(3.0) * std::sqrt(squares / n) / n;
}

/// The fit by its formula: v_i = min over j <= i of max over k >= i of the level of j … k. No pooling.
std::vector<double> by_formula(const std::vector<double>& x, double strength, rank_regularisation how) {
  const std::size_t n = x.size();
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return x[a] > x[b]; });
  const bool l2 = how == rank_regularisation::l2;
  std::vector<double> s, result(n);
  for (const std::size_t i : order) s.push_back((x[i] - x[order[0]]) / strength);
  for (std::size_t i = 0; i < n; ++i) {
    double least = inf;
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = 0, ranks = 0, most = -inf;
      for (std::size_t k = j; k < n; ++k) {
        const auto w = static_cast<double>(n - k);
        sum += l2 ? s[k] : std::exp(s[k] - s[i]);
        ranks += w;
        const double level = l2 ? (sum - ranks) / static_cast<double>(k - j + 1) : std::log(sum / ranks);
        if (k >= i) most = std::max(most, level);
      }
      least = std::min(least, most);
    }
    result[order[i]] = l2 ? s[i] - least : std::exp(-least);
  }
  return result;
}

template <class T>
double largest_gap(const std::vector<T>& a, const std::vector<double>& b) {
  double worst = a.size() == b.size() ? 0 : inf;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    worst = std::max(worst, std::abs(static_cast<double>(a[i]) - b[i]));
  return worst;
}

std::vector<soft_rank_options> choices() {
  std::vector<soft_rank_options> result;
  for (const auto how : {rank_regularisation::l2, rank_regularisation::kl}) {
    for (const double softness : {0.3, 1.0, 4.0}) result.push_back({how, softness, 0});
    for (const double strength : {0.01, 0.5, 30.0}) result.push_back({how, 1, strength});
  }
  return result;
}

TEST_CASE("average_rank_row: equal numbers share their places") {
  index different = 0;
  CHECK(averages<double>({3, 1, 2}, &different) == std::vector<double>{3, 1, 2});
  CHECK(different == 3);
  CHECK(averages<float>({5, 1, 5, 0, 5}, &different) == std::vector<float>{4, 2, 4, 1, 4});
  CHECK(different == 3);
  CHECK(averages<double>({-inf, inf, -inf, 0}, &different) == std::vector<double>{1.5, 4, 1.5, 3});
  CHECK(averages<double>({0.0, -0.0, -1}) == std::vector<double>{2.5, 2.5, 1});
  CHECK(averages<double>({7}, &different) == std::vector<double>{1});
  CHECK(different == 1);
  CHECK(averages<double>({}, &different).empty());
  CHECK(different == 0);
  for (const double r : averages<double>({1, not_a_number, 2}, &different)) CHECK(std::isnan(r));
  CHECK(different == 0);
  const auto many = averages(numbers<float>(3000, 1, 4));
  CHECK(std::accumulate(many.begin(), many.end(), 0.0) == 3000 * 3001 / 2.0);
}

TEST_CASE("soft_rank_row: the formula of isotonic regression, without pooling") {
  for (const soft_rank_options& options : choices())
    for (const double step : {2.0, 64.0})
      for (const double offset : {0.0, 1e6})
        for (const index n : {1, 2, 3, 10, 41}) {
          INFO("kl " << (options.regularisation == rank_regularisation::kl) << ", softness " << options.softness
                     << ", strength " << options.strength << ", n " << n << ", offset " << offset);
          const auto x = numbers<double>(n, 3, step, offset);
          const double own = default_strength(x, options.softness);
          const double strength = options.strength > 0 ? options.strength : own;
          const auto got = soft(x, options);
          const std::vector<double> expected = own > 0 || options.strength > 0
                                                   ? by_formula(x, strength, options.regularisation)
                                                   : std::vector<double>(x.size(), static_cast<double>(n + 1) / 2);
          CHECK(largest_gap(got.ranks, expected) <= 1e-13 * static_cast<double>(n));
          CHECK(got.row.strength == doctest::Approx(strength).epsilon(1e-14));
          CHECK(got.row.finite == n);
          CHECK(std::accumulate(got.ranks.begin(), got.ranks.end(), 0.0) ==
                doctest::Approx(static_cast<double>(n * (n + 1)) / 2).epsilon(1e-14));
          if (offset == 0) {
            const auto single = soft(numbers<float>(n, 3, step), options);
            CHECK(largest_gap(single.ranks, expected) <= 1e-7 * static_cast<double>(n));
            CHECK(single.row.blocks == got.row.blocks);
          }
        }
}

TEST_CASE("soft_rank_row: hard ranks, affine ranks, blocks") {
  const auto x = numbers<double>(200, 4, 1e9);
  for (const auto how : {rank_regularisation::l2, rank_regularisation::kl}) {
    const auto hard = soft(x, {.regularisation = how, .strength = 1e-9});
    CHECK(hard.ranks == averages(x));
    CHECK(hard.row.blocks == 200);
    for (const double g : soft_back(x, numbers<double>(200, 5, 64), {.regularisation = how, .strength = 1e-9}))
      CHECK(g == 0);
    CHECK(soft(x, {.regularisation = how, .strength = 1e6}).row.blocks == 1);
  }
  const auto one = soft(x, {.strength = 1e3});
  CHECK(one.row.blocks == 1);
  const double mean = std::accumulate(x.begin(), x.end(), 0.0) / 200;
  for (std::size_t i = 0; i < x.size(); ++i) CHECK(one.ranks[i] == doctest::Approx(100.5 + (x[i] - mean) / 1e3));
  // The default strength: an evenly spread row is ranked hard just so.
  for (const index n : {2, 3, 10, 1000}) {
    std::vector<float> even;
    for (index i = 0; i < n; ++i) even.push_back(static_cast<float>(10000 + 3 * i));
    CHECK(soft(even).ranks == averages(even));
    CHECK(soft(even).row.blocks == n);
    CHECK(soft(even, {.softness = 1.2}).row.blocks == 1);
  }
  // Two pairs nearer than the strength, which are no nearer to each other.
  const auto pairs = soft(std::vector<double>{0, 10, 10.5, 0.5}, {.strength = 1});
  CHECK(pairs.row.blocks == 2);
  CHECK(pairs.ranks == std::vector<double>{1.25, 3.25, 3.75, 1.75});
}

TEST_CASE("soft_rank_row_back: central differences, and what the default strength makes of scale and offset") {
  for (const soft_rank_options& options : choices())
    for (const index n : {2, 5, 30}) {
      INFO("kl " << (options.regularisation == rank_regularisation::kl) << ", softness " << options.softness
                 << ", strength " << options.strength << ", n " << n);
      auto x = numbers<double>(n, 6, 1e6);
      const auto slope = numbers<double>(n, 7, 64);
      const auto got = soft_back(x, slope, options);
      std::vector<double> expected;
      for (double& v : x) {
        const double kept = v, step = 1e-6;
        const auto total = [&](double at) {
          v = at;
          const auto ranks = soft(x, options).ranks;
          return std::inner_product(ranks.begin(), ranks.end(), slope.begin(), 0.0);
        };
        const double above = total(kept + step), below = total(kept - step);
        v = kept;
        expected.push_back((above - below) / (2 * step));
      }
      const double size = std::accumulate(expected.begin(), expected.end(), 1e-3,
                                          [](double a, double b) { return std::max(a, std::abs(b)); });
      CHECK(harness::relative_distance(got, expected, 1e-3) <= 1e-6);
      double sum = 0, along = 0;
      for (std::size_t i = 0; i < x.size(); ++i) sum += got[i], along += got[i] * x[i];
      CHECK(std::abs(sum) <= 1e-12 * size * static_cast<double>(n));
      if (options.strength == 0) CHECK(std::abs(along) <= 1e-12 * size * static_cast<double>(n));
      // In float, and far from the origin.
      const auto coarse = numbers<double>(n, 6, 64), far = numbers<double>(n, 6, 64, 1e6);
      CHECK(harness::relative_distance(soft_back(far, slope, options), soft_back(coarse, slope, options), 1e-3) <=
            1e-13);
      CHECK(harness::relative_distance(soft_back(numbers<float>(n, 6, 64, 1e4), numbers<float>(n, 7, 64), options),
                                       soft_back(coarse, slope, options), 1e-3) <= 2e-6);
    }
}

TEST_CASE("soft_rank_row: scale, offset and order of the row") {
  const auto x = numbers<float>(100, 8, 64);
  const auto ranks = soft(x).ranks;
  auto moved = x, turned = x;
  for (float& v : moved) v = 8 * v + 10000;
  CHECK(soft(moved).ranks == ranks);
  std::rotate(turned.begin(), turned.begin() + 37, turned.end());
  auto expected = ranks;
  std::rotate(expected.begin(), expected.begin() + 37, expected.end());
  CHECK(soft(turned).ranks == expected);
  for (float& v : moved) v = -v;  // the smallest becomes the largest
  const auto reversed = soft(moved).ranks;
  for (std::size_t i = 0; i < ranks.size(); ++i) CHECK(reversed[i] == doctest::Approx(101 - ranks[i]).epsilon(2e-6));
  for (std::size_t i = 0; i < x.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (x[i] == x[j]) CHECK(ranks[i] == ranks[j]);
}

TEST_CASE("soft_rank_row: masked, constant, infinite and absent entries") {
  for (const auto how : {rank_regularisation::l2, rank_regularisation::kl}) {
    const soft_rank_options usual{.regularisation = how}, fixed{.regularisation = how, .strength = 0.7};
    const std::vector<double> ones{1, -2, 3, 4, 5};
    // What is above −inf is ranked as it would be alone, above the others.
    for (const auto& options : {usual, fixed}) {
      const std::vector<double> x{0.5, -inf, 0.25, 2, -inf}, rest{0.5, 0.25, 2};
      const auto got = soft(x, options);
      CHECK(got.row.finite == 3);
      CHECK(got.ranks[1] == 1.5);
      CHECK(got.ranks[4] == 1.5);
      CHECK(std::accumulate(got.ranks.begin(), got.ranks.end(), 0.0) == doctest::Approx(15));
      if (how == rank_regularisation::l2)
        CHECK(got.ranks[3] == doctest::Approx(soft(rest, options).ranks[2] + 2).epsilon(1e-15));
      const auto slopes = soft_back(x, ones, options);
      CHECK(slopes[1] == 0);
      CHECK(slopes[4] == 0);
      CHECK(std::isfinite(slopes[0] + slopes[2] + slopes[3]));
      CHECK(soft(std::vector<double>{-inf, -inf}, options).ranks == std::vector<double>{1.5, 1.5});
      CHECK(soft(std::vector<double>{-inf, -inf}, options).row.blocks == 0);
      CHECK(soft_back<double>({-inf, -inf}, {1.0, 2.0}, options) == std::vector<double>{0, 0});
      for (const double bad : {not_a_number, inf}) {
        const std::vector<double> broken{0.5, bad, 0.25, 2, -inf};
        CHECK(soft(broken, options).row.nan);
        for (const double r : soft(broken, options).ranks) CHECK(std::isnan(r));
        for (const double g : soft_back(broken, ones, options)) CHECK(std::isnan(g));
        CHECK(soft_back(broken, std::vector<double>(5, 0.0), options) == std::vector<double>(5, 0.0));
      }
      CHECK(soft(std::vector<double>{}, options).row.blocks == 0);
      CHECK(soft(std::vector<double>{-3}, options).ranks == std::vector<double>{1});
      CHECK(soft_back<double>({-3}, {2}, options) == std::vector<double>{0});
    }
    // Three times 0.1 is not 0.3: equal numbers are still equal.
    const std::vector<double> equal(3, 0.1);
    CHECK(soft(equal, usual).ranks == std::vector<double>{2, 2, 2});
    CHECK(soft(equal, usual).row.blocks == 1);
    CHECK(soft_back(equal, {1.0, 2.0, 6.0}, usual) == std::vector<double>{0, 0, 0});
    CHECK(soft(equal, {.regularisation = how, .strength = 1e-200}).ranks == std::vector<double>{2, 2, 2});
    const auto pulled = soft_back(equal, {1.0, 2.0, 6.0}, {.regularisation = how, .strength = 0.5});
    const double factor = how == rank_regularisation::l2 ? 2 : 4;  // 1/strength, times the ranks
    CHECK(pulled[0] == doctest::Approx(-2 * factor));
    CHECK(pulled[2] == doctest::Approx(3 * factor));
    // Rows whose squares, or whose distances, are no numbers.
    const std::vector<double> small{0, 1, 2.5, 3, 7};
    const auto expected = soft(small, usual).ranks;
    for (const double scale : {0x1p1021, 0x1p-1072, 0x1p600, 0x1p-600}) {
      auto x = small;
      for (double& v : x) v *= scale;  // exact
      CHECK(soft(x, usual).ranks == expected);
    }
    const auto wide = soft(std::vector<double>{-1.7e308, 1.7e308, 0, 0.85e308}, usual);
    const auto narrow = soft(std::vector<double>{-2, 2, 0, 1}, usual);
    CHECK(harness::relative_distance(wide.ranks, narrow.ranks) <= 1e-14);
    const auto largest = soft(std::vector<float>{-3e38f, 3e38f, 0, 1.5e38f}, usual);
    CHECK(harness::relative_distance(largest.ranks, narrow.ranks) <= 1e-6);
  }
}

TEST_CASE("soft_rank_row: parameters out of range") {
  const std::vector<double> x{1, 2};
  CHECK(message_of([&] { soft(x, {.softness = 0}); }) ==
        "distill: soft_ranks: softness is 0, must be positive and finite");
  CHECK(message_of([&] { soft(x, {.softness = inf}); }) ==
        "distill: soft_ranks: softness is inf, must be positive and finite");
  CHECK(message_of([&] { soft(x, {.strength = -1}); }) ==
        "distill: soft_ranks: strength is -1, must be positive and finite, or 0 for the default");
  CHECK(message_of([&] { soft(x, {.strength = not_a_number}); }).starts_with("distill: soft_ranks: strength is "));
}

/// A batch of student rows beside teacher rows.
template <class T>
struct rows_pair {
  index rows, columns;
  std::vector<T> student, teacher;
  std::vector<T> to_student = std::vector<T>(student.size(), T(5)), to_teacher = std::vector<T>(teacher.size(), T(5));

  template <class Objective>
  double operator()(const Objective& objective) {
    return distill::value_and_gradient(objective,
                                       feature_pair<T>{matrix_view<const T>(student.data(), rows, columns),
                                                       matrix_view<const T>(teacher.data(), rows, columns)},
                                       {.student = matrix_view<T>(to_student.data(), rows, columns),
                                        .teacher = matrix_view<T>(to_teacher.data(), rows, columns)});
  }
};

TEST_CASE("soft_rank_row_back: slopes of NaN, also where ranks have no gradient; spreads that are hardly numbers") {
  const std::vector<double> x{0, 10, 20, 20.5}, slopes{not_a_number, 1, inf, 2};
  const auto got = soft_back(x, slopes, {.strength = 1});  // blocks {20.5, 20}, {10}, {0}
  CHECK(std::isnan(got[0]));
  CHECK(got[1] == 0);
  CHECK(soft_back(x, {1, inf, 0, 0}, {.strength = 1}) == std::vector<double>(4, 0.0));
  for (const double g : soft_back<double>({3, 3}, {not_a_number, not_a_number})) CHECK(std::isnan(g));
  rows_pair<float> p{2, 4, {1, 2, 4, 8, 1, 2, 4, 8}, {1, 3, 2, 4, 1, static_cast<float>(not_a_number), 2, 3}};
  for (const double strength : {0.0, 1e-3, 10.0}) {
    CHECK(std::isnan(p(distill::spearman{.strength = strength})));
    for (std::size_t i = 0; i < 8; ++i) CHECK(std::isnan(p.to_student[i]) == (i >= 4));
  }
  for (const auto how : {rank_regularisation::l2, rank_regularisation::kl})
    for (const double strength : {0.0, 1e-40, 1e-300}) {
      const soft_rank_options options{.regularisation = how, .softness = 4, .strength = strength};
      const std::vector<float> near{1e-40f, 3e-40f, 2.5e-40f, 9e-40f, 0}, along{1, -2, 0.5f, 3, 1};
      for (const float g : soft_back(near, along, options)) CHECK(std::isfinite(g));
      const std::vector<double> nearer{0, 5e-324, 2.5e-323, 1e-323, 5e-324}, wide(along.begin(), along.end());
      for (const double g : soft_back(nearer, wide, options)) CHECK(std::isfinite(g));
    }
  // Slopes in range though neither of their factors is.
  std::vector<float> small(5, 1e-8f);
  small[1] = 0, small[3] = -3e-8f;
  std::vector<float> x_near{1e-33f, 3e-33f, 2.5e-33f, 9e-33f, 0};
  const std::vector<double> wide(x_near.begin(), x_near.end()), wide_small(small.begin(), small.end());
  CHECK(harness::relative_distance(soft_back(x_near, small, {.softness = 4}),
                                   soft_back(wide, wide_small, {.softness = 4})) <= 1e-5);
}

/// The parameters of a reference case; one weight is one for all rows.
struct reference_options {
  soft_rank_options options;
  std::vector<double> weights;

  explicit reference_options(const harness::parameters& p) {
    options.regularisation = p.word("regularisation") == "kl" ? rank_regularisation::kl : rank_regularisation::l2;
    options.softness = p["softness"];
    options.strength = p["strength"];
    std::istringstream words(p.word("weights"));
    for (std::string word; std::getline(words, word, ',');) weights.push_back(std::strtod(word.c_str(), nullptr));
  }
  distill::row_parameter parameter() const {
    return weights.size() == 1 ? distill::row_parameter(weights[0]) : distill::row_parameter(weights);
  }
};

/// Objectives hold views of their weights, which live here.
template <class Objective>
void rank_references(const std::string& name, const harness::pair_bounds& bounds = {}) {
  std::vector<std::unique_ptr<reference_options>> cases;
  harness::pair_references(
      name,
      [&](const harness::parameters& p) {
        cases.push_back(std::make_unique<reference_options>(p));
        const soft_rank_options& o = cases.back()->options;
        return Objective{.softness = o.softness,
                         .strength = o.strength,
                         .regularisation = o.regularisation,
                         .weights = cases.back()->parameter()};
      },
      bounds);
}

TEST_CASE("spearman") {
  rank_references<distill::spearman>("spearman");
  const feature_shape five{7, 5};
  harness::pair_battery(distill::spearman{}, {.teacher = five});
  harness::pair_battery(distill::spearman{.softness = 3, .regularisation = rank_regularisation::kl}, {.teacher = five});
  harness::pair_battery(distill::spearman{.strength = 0.8}, {.items = 2, .teacher = five});
}

TEST_CASE("spearman: hard ranks give the textbook's formula, soft ones Pearson's with ranks") {
  rows_pair<double> p{1, 50, numbers<double>(50, 20, 1e9), numbers<double>(50, 21, 1e9)};
  const auto own = averages(p.student), other = averages(p.teacher);
  double squares = 0;
  for (std::size_t i = 0; i < own.size(); ++i) squares += (own[i] - other[i]) * (own[i] - other[i]);
  CHECK(p(distill::spearman{.strength = 1e-9}) == doctest::Approx(6 * squares / (50 * (50 * 50 - 1))).epsilon(1e-14));
  CHECK(p.to_student == std::vector<double>(50, 0.0));
  CHECK(p.to_teacher == std::vector<double>(50, 0.0));
  rows_pair<double> q{1, 50, p.student, other};
  const double affine = p(distill::spearman{.strength = 1e4});
  CHECK(affine == doctest::Approx(q(distill::pearson{})).epsilon(1e-10));
  CHECK(harness::relative_distance(p.to_student, q.to_student) <= 1e-10);
  // Equal and reversed orders; scale and offset do not matter.
  rows_pair<float> same{1, 4, {1, 2, 3, 4}, {-7, 0, 0.5, 100}};
  CHECK(same(distill::spearman{}) == 0);
  same.teacher = {9, 8, -7, -8};
  CHECK(same(distill::spearman{}) == doctest::Approx(2));
}

TEST_CASE("spearman: constant rows, masked classes") {
  rows_pair<double> p{4, 3, {1, 1, 1, 0, 5, 1, 2, 2, 2, 0, -inf, 1}, {3, 1, 2, 4, 4, 4, 0, 0, 0, 5, -inf, 7}};
  CHECK(p(distill::spearman{}) == doctest::Approx((1.0 + 1 + 0 + 0) / 4));
  for (std::size_t i = 0; i < 9; ++i) CHECK(p.to_student[i] == 0);
  for (const double g : p.to_student) CHECK(std::isfinite(g));
  CHECK(p.to_student[10] == 0);
  rows_pair<double> one{3, 1, {1, 2, 3}, {5, 5, 6}};  // one number has no order
  CHECK(one(distill::cmkd{}) == 0);
  CHECK(one.to_student == std::vector<double>(3, 0.0));
}

TEST_CASE("cmkd") {
  rank_references<distill::cmkd>("cmkd", {.least = 1e-2});  // of two numbers, where all slopes of ρ = ±1 cancel
  const feature_shape five{7, 5};
  harness::pair_battery(distill::cmkd{}, {.teacher = five});
  const std::vector<double> shares{0, 0.25, 1, 0.5, 0.125, 0.75, 1};
  const distill::cmkd mixed{.softness = 2, .weights = shares};
  const auto p = harness::random_features<double>({five, five}, 1, 11);
  harness::features_have_the_value_s_slopes(mixed, p, 1e-6);
  harness::calls_agree(mixed, p);
}

TEST_CASE("cmkd: a sum of its parts, row by row") {
  const index n = 6, c = 9;
  const std::vector<float> shares{0, 1, 0.5f, 0.25f, 0.75f, 0.1f};
  rows_pair<double> p{n, c, numbers<double>(n * c, 30, 64), numbers<double>(n * c, 31, 64)};
  double expected = 0;
  std::vector<double> slopes;
  for (index r = 0; r < n; ++r) {
    const auto row = [&](const std::vector<double>& all) {
      return std::vector<double>(all.begin() + r * c, all.begin() + (r + 1) * c);
    };
    rows_pair<double> numbers_of{1, c, row(p.student), row(p.teacher)}, ranks_of = numbers_of;
    const auto w = static_cast<double>(shares[static_cast<std::size_t>(r)]);
    expected += w * numbers_of(distill::pearson{}) + (1 - w) * ranks_of(distill::spearman{});
    for (std::size_t i = 0; i < static_cast<std::size_t>(c); ++i)
      slopes.push_back((w * numbers_of.to_student[i] + (1 - w) * ranks_of.to_student[i]) / static_cast<double>(n));
  }
  CHECK(p(distill::cmkd{.weights = shares}) == doctest::Approx(expected / n).epsilon(1e-14));
  CHECK(harness::relative_distance(p.to_student, slopes) <= 1e-14);
  const double pearson = p(distill::pearson{}), spearman = p(distill::spearman{});
  CHECK(p(distill::cmkd{.weights = 1}) == pearson);
  CHECK(p(distill::cmkd{.weights = 0}) == spearman);
  CHECK(p(distill::cmkd{.weights = 0.25}) == doctest::Approx(0.25 * pearson + 0.75 * spearman).epsilon(1e-14));
}

TEST_CASE("weights of rows: rows of weight 0 may hold anything; padding; errors") {
  rows_pair<double> p{3, 4, numbers<double>(12, 40, 64), numbers<double>(12, 41, 64)};
  rows_pair<double> first{1, 4, {p.student.begin(), p.student.begin() + 4}, {p.teacher.begin(), p.teacher.begin() + 4}};
  p.student[5] = not_a_number;
  p.teacher[10] = not_a_number;
  const std::vector<double> only{1.5, 0, 0};
  const auto alone = [&](const auto& weighted, const auto& plain) {
    CHECK(p(weighted) == doctest::Approx(first(plain) / 2).epsilon(1e-15));
    for (std::size_t i = 0; i < 12; ++i)
      CHECK(p.to_student[i] == doctest::Approx(i < 4 ? first.to_student[i] / 2 : 0).epsilon(1e-14));
  };
  alone(distill::pearson{.weights = only}, distill::pearson{});
  alone(distill::spearman{.weights = only}, distill::spearman{});

  auto padded = harness::random_features<double>({feature_shape{3, 4}, feature_shape{3, 4}}, 2, 42);
  auto in = harness::inputs_of(padded);
  const std::vector<int> lengths{2, 3};
  const std::vector<double> weights{0.5, 1, 0.25};
  in.valid_rows = lengths;
  double expected = 0;
  for (index item = 0; item < 2; ++item) {
    const index rows = lengths[static_cast<std::size_t>(item)];
    expected += distill::value(distill::spearman{.weights = distill::row_parameter(weights.data(), rows)},
                               feature_pair<double>{matrix_view<const double>(&padded.at(0, 0, 0, item), rows, 4),
                                                    matrix_view<const double>(&padded.at(1, 0, 0, item), rows, 4)}) /
                2;
  }
  CHECK(distill::value(distill::spearman{.weights = weights}, in) == doctest::Approx(expected).epsilon(1e-15));

  const auto says = [&](const auto& objective) {
    p.to_student.assign(12, 5.0);
    const std::string message = message_of([&] { p(objective); });
    CHECK(p.to_student == std::vector<double>(12, 5.0));
    return message;
  };
  const std::vector<double> two{1, 1}, negative{0.5, 1, -0.25}, above{0.5, 1, 1.25};
  CHECK(says(distill::pearson{.weights = two}) == "distill: weights has 2 entries, the batch has 3 rows");
  CHECK(says(distill::cmkd{.weights = two}) == "distill: weights has 2 entries, the batch has 3 rows");
  const std::vector<double> none;
  CHECK(says(distill::pearson{.weights = none}) == "distill: weights has 0 entries, the batch has 3 rows");
  CHECK(says(distill::spearman{.weights = none}) == "distill: weights has 0 entries, the batch has 3 rows");
  CHECK(says(distill::cmkd{.weights = none}) == "distill: weights has 0 entries, the batch has 3 rows");
  CHECK(says(distill::spearman{.weights = negative}) ==
        "distill: weights[2] is -0.25, must be finite and not negative");
  CHECK(says(distill::cmkd{.weights = above}) == "distill: cmkd: weights[2] is 1.25, must lie in [0, 1]");
  CHECK(says(distill::cmkd{.weights = not_a_number}).starts_with("distill: cmkd: weights[0] is "));
  CHECK(says(distill::spearman{.softness = -1}) == "distill: soft_ranks: softness is -1, must be positive and finite");
  CHECK(says(distill::spearman{.strength = inf}) ==
        "distill: soft_ranks: strength is inf, must be positive and finite, or 0 for the default");
}

TEST_CASE("ranks: the same bits for every number of threads, in rows enough for pieces") {
  const auto p = harness::random_features<float>({feature_shape{350, 130}, feature_shape{350, 130}}, 1, 50);
  const auto expected = harness::solve(distill::cmkd{}, p);
  CHECK(harness::same_bits(harness::solve(distill::cmkd{}, p, {.execution = {.threads = 2}}), expected));
}

}  // namespace rank_tests
