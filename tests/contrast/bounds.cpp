// Objectives without a softmax over similarities: the mutual-information bound and the ratio of distances.
#include <span>

#include <distill/method/contrast_ratio.hpp>
#include <distill/method/mutual_information_bound.hpp>

#include "contrast/support.hpp"

namespace contrast_tests {

using distill::contrast_level;
using distill::contrast_level_gradients;
using distill::contrast_options;
using distill::contrast_ratio;
using distill::mutual_information_batch;
using distill::mutual_information_bound;

/// As the definition says, every sum by itself.
double direct(double alpha_logit, const matrix<double>& s, const std::vector<double>& baseline) {
  const index n = s.rows;
  const long double a = 1 / (1 + std::exp(-static_cast<long double>(alpha_logit)));
  const long double pairs = static_cast<long double>(n) * static_cast<long double>(n - 1);
  long double bound = 1;
  const auto mixed = [&](index i, index j) {
    long double top = -INFINITY, sum = 0;
    for (index k = 0; k < n; ++k)
      if (k != j) top = std::max<long double>(top, s(i, k));
    for (index k = 0; k < n; ++k)
      if (k != j) sum += std::exp(s(i, k) - top);
    const long double l = top + std::log(sum / static_cast<long double>(n - 1));
    const long double b = baseline.empty() ? 0 : baseline[static_cast<std::size_t>(i)];
    const long double m = std::max(l, b);
    return m + std::log(a * std::exp(l - m) + (1 - a) * std::exp(b - m));
  };
  for (index i = 0; i < n; ++i)
    for (index j = 0; j < n; ++j)
      if (i != j) bound += (s(i, i) - mixed(i, j) - std::exp(s(i, j) - mixed(i, i))) / pairs;
  return static_cast<double>(-bound);
}

template <class T>
struct bound_answer {
  double value = 0, alpha = 12345;
  matrix<T> scores{0, 0};
  std::vector<T> baseline;
};
template <class T>
bound_answer<T> solve(const mutual_information_bound& loss, const matrix<T>& s, const std::vector<T>& baseline,
                      const contrast_options& options = {}) {
  bound_answer<T> got{0, 12345, matrix<T>(s.rows, s.columns, T(12345)), std::vector<T>(baseline.size(), T(12345))};
  got.value = value_and_gradient(loss, mutual_information_batch<T>{s.view(), baseline},
                                 {got.scores.out(), got.baseline, &got.alpha}, options);
  return got;
}

TEST_CASE("mutual_information_bound: the definition, slopes of scores, baseline and alpha, float, threads") {
  for (const index n : {2, 3, 9, 20})
    for (const double alpha : {-1.5, 0.5, 3.0}) {
      CAPTURE(n);
      CAPTURE(alpha);
      matrix<double> s = random_matrix<double>(n, n, static_cast<std::uint64_t>(n));
      std::vector<double> baseline = random_matrix<double>(1, n, 77).data;
      mutual_information_bound loss{alpha};
      const auto value_now = [&] { return direct(loss.alpha_logit, s, baseline); };
      const bound_answer<double> got = solve(loss, s, baseline);
      CHECK(got.value == doctest::Approx(value_now()).epsilon(1e-12));
      CHECK(value(loss, mutual_information_batch<double>{s.view(), baseline}) == got.value);
      CHECK(relative_distance(got.scores.data, differences(s.data, value_now)) < 1e-6);
      CHECK(relative_distance(got.baseline, differences(baseline, value_now)) < 1e-6);
      CHECK(got.alpha == doctest::Approx(difference(loss.alpha_logit, value_now)).epsilon(1e-6));
      const bound_answer<double> threads = solve(loss, s, baseline, {.execution = {3}});
      CHECK(same_bits(threads.scores.data, got.scores.data));
      const matrix<float> rounded(n, n, std::vector<float>(s.data.begin(), s.data.end()));
      const bound_answer<float> single = solve(loss, rounded, std::vector<float>(baseline.begin(), baseline.end()));
      CHECK(single.value == doctest::Approx(got.value).epsilon(1e-12));  // all of it is in double
      CHECK(relative_distance(single.scores.data, got.scores.data) < 1e-7);
      CHECK(value(loss, mutual_information_batch<double>{s.view(), {}}) ==
            doctest::Approx(direct(alpha, s, {})).epsilon(1e-12));
    }
}

TEST_CASE("mutual_information_bound: enough work for several threads, not a bit changes") {
  const matrix<float> s = random_matrix<float>(190, 190, 5);
  const std::vector<float> baseline = random_matrix<float>(1, 190, 6).data;
  const bound_answer<float> one = solve(mutual_information_bound{}, s, baseline);
  for (const int threads : {2, 3}) {
    const bound_answer<float> got = solve(mutual_information_bound{}, s, baseline, {.execution = {threads}});
    CHECK(got.value == one.value);
    CHECK(got.alpha == one.alpha);
    CHECK(same_bits(got.scores.data, one.scores.data));
    CHECK(same_bits(got.baseline, one.baseline));
  }
}

TEST_CASE("mutual_information_bound: one score that dominates its row, on the diagonal and beside it") {
  // Eight scores, one of them ahead by x: the mean of the others must not feel it.
  for (const double ahead : {10.0, 30.0, 40.0, 300.0, 900.0})
    for (const index column : {2, 5}) {
      CAPTURE(ahead);
      CAPTURE(column);
      matrix<double> s = random_matrix<double>(8, 8, 3);
      s(2, column) += ahead;
      std::vector<double> baseline(8, 0.5);
      if (column == 2 || ahead <= 300) {
        const mutual_information_bound loss{0.5};
        const auto value_now = [&] { return direct(0.5, s, baseline); };
        const bound_answer<double> got = solve(loss, s, baseline);
        CHECK(got.value == doctest::Approx(value_now()).epsilon(1e-12));
        CHECK(relative_distance(got.scores.data, differences(s.data, value_now, 1e-4)) < 1e-5);
        // The row's small slopes, by themselves.
        if (column != 2) continue;
        std::vector<double> own, expected;
        for (index j = 0; j < 8; ++j) {
          if (j == 2) continue;
          own.push_back(got.scores(2, j));
          expected.push_back(difference(s(2, j), value_now, 1e-4));
        }
        CHECK(relative_distance(own, expected) < 1e-5);
      } else {
        CHECK(std::isfinite(solve(mutual_information_bound{0.5}, s, baseline).scores(0, 0)));
      }
    }
}

TEST_CASE("mutual_information_bound: the two ends, a single sample, masked pairs, errors") {
  const matrix<double> s = random_matrix<double>(6, 6, 3);
  const std::vector<double> baseline = random_matrix<double>(1, 6, 4).data;
  CHECK(solve(mutual_information_bound{INFINITY}, s, baseline).value ==
        doctest::Approx(direct(60, s, baseline)).epsilon(1e-12));
  const bound_answer<double> tuba = solve(mutual_information_bound{-INFINITY}, s, baseline);
  CHECK(tuba.value == doctest::Approx(direct(-60, s, baseline)).epsilon(1e-12));
  CHECK(all_finite(tuba.scores.data));
  CHECK(tuba.alpha == 0);
  const bound_answer<double> one = solve(mutual_information_bound{}, random_matrix<double>(1, 1, 1), {0.5});
  CHECK(one.value == 0);
  CHECK(one.scores(0, 0) == 0);
  CHECK(one.baseline[0] == 0);
  CHECK(one.alpha == 0);
  CHECK(value(mutual_information_bound{}, mutual_information_batch<float>{}) == 0);
  matrix<double> masked = s;
  masked(1, 4) = masked(3, 0) = -INFINITY;
  const bound_answer<double> got = solve(mutual_information_bound{}, masked, baseline);
  CHECK(std::isfinite(got.value));
  CHECK(all_finite(got.scores.data));
  CHECK(got.scores(1, 4) == 0);
  for (index j = 0; j < 6; ++j)
    if (j != 1) masked(1, j) = -INFINITY;  // nothing but the own score
  CHECK(all_finite(solve(mutual_information_bound{}, masked, baseline).scores.data));
  masked(2, 2) = NAN;
  CHECK(std::isnan(solve(mutual_information_bound{}, masked, baseline).value));

  matrix<double> sum(6, 6, 0.5);
  const bound_answer<double> plain = solve(mutual_information_bound{}, s, baseline);
  value_and_gradient(mutual_information_bound{}, mutual_information_batch<double>{s.view(), baseline}, {sum.out()},
                     {.upstream = 2, .store = distill::store_mode::accumulate});
  for (double& x : sum.data) x = (x - 0.5) / 2;
  CHECK(relative_distance(sum.data, plain.scores.data) < 1e-13);

  const matrix<double> wide(2, 3);
  CHECK(message_of([&] {
          value(mutual_information_bound{}, mutual_information_batch<double>{wide.view(), {}});
        }) == "distill: scores is 2 x 3, must be square");
  CHECK(message_of([&] {
          value(mutual_information_bound{}, mutual_information_batch<double>{s.view(), std::span(baseline).first(5)});
        }) == "distill: baseline has 5 entries, scores has 6 rows");
  CHECK(message_of([&] {
          value(mutual_information_bound{NAN}, mutual_information_batch<double>{s.view(), {}});
        }).find("alpha_logit") != std::string::npos);
}

template <class T>
struct ratio_problem {
  std::vector<matrix<T>> anchor, positive, negatives;  // two levels, three negatives each
  std::vector<std::vector<matrix_view<const T>>> views{2};
  std::vector<contrast_level<T>> levels;

  ratio_problem() {
    for (std::uint64_t l = 0; l < 2; ++l) {
      const index rows = l == 0 ? 3 : 2, columns = l == 0 ? 21 : 5;
      anchor.push_back(random_matrix<T>(rows, columns, 10 * l + 1));
      positive.push_back(random_matrix<T>(rows, columns, 10 * l + 2));
      for (std::uint64_t k = 0; k < 3; ++k) negatives.push_back(random_matrix<T>(rows, columns, 10 * l + 3 + k));
    }
    for (std::size_t l = 0; l < 2; ++l) {
      for (std::size_t k = 0; k < 3; ++k) views[l].push_back(negatives[3 * l + k].view());
      levels.push_back({anchor[l].view(), positive[l].view(), views[l], l == 0 ? 0.25 : 1.0});
    }
  }
};

TEST_CASE_TEMPLATE("contrast_ratio: levels, denominators, slopes of anchor, positive and negatives", T, double, float) {
  ratio_problem<T> p;
  const contrast_ratio loss{.added = 0.125};
  const auto direct = [&] {
    double total = 0;
    for (std::size_t l = 0; l < 2; ++l) {
      const auto size = static_cast<double>(p.anchor[l].data.size());
      double near = 0, far = loss.added;
      for (std::size_t i = 0; i < p.anchor[l].data.size(); ++i) {
        near += std::abs(static_cast<double>(p.anchor[l].data[i] - p.positive[l].data[i])) / size;
        for (std::size_t k = 0; k < 3; ++k)
          far += std::abs(static_cast<double>(p.anchor[l].data[i] - p.negatives[3 * l + k].data[i])) / size;
      }
      total += p.levels[l].weight * near / far;
    }
    return total;
  };
  std::vector<matrix<T>> to;
  for (std::size_t l = 0; l < 2; ++l)
    for (int k = 0; k < 5; ++k) to.emplace_back(p.anchor[l].rows, p.anchor[l].columns, T(7));
  std::vector<std::vector<matrix_view<T>>> to_negatives(2);
  std::vector<contrast_level_gradients<T>> out;
  for (std::size_t l = 0; l < 2; ++l) {
    for (std::size_t k = 2; k < 5; ++k) to_negatives[l].push_back(to[5 * l + k].out());
    out.push_back({to[5 * l].out(), to[5 * l + 1].out(), to_negatives[l]});
  }
  const double got = value_and_gradient<T>(loss, p.levels, out);
  CHECK(got == doctest::Approx(direct()).epsilon(1e-6));
  CHECK(value<T>(loss, p.levels) == got);
  if constexpr (sizeof(T) == 8)
    for (std::size_t l = 0; l < 2; ++l) {
      CHECK(relative_distance(to[5 * l].data, differences(p.anchor[l].data, direct)) < 1e-6);
      CHECK(relative_distance(to[5 * l + 1].data, differences(p.positive[l].data, direct)) < 1e-6);
      CHECK(relative_distance(to[5 * l + 3].data, differences(p.negatives[3 * l + 1].data, direct)) < 1e-6);
    }
  // Column-major levels, the slow way.
  ratio_problem<T> q;
  matrix<T> turned(5, 2), turned_out(5, 2);
  for (index r = 0; r < 2; ++r)
    for (index c = 0; c < 5; ++c) turned(c, r) = p.anchor[1](r, c);
  q.levels[1].anchor = distill::transposed(turned.view());
  std::vector<contrast_level_gradients<T>> other(2);
  other[1].anchor = distill::transposed(turned_out.out());
  CHECK(value_and_gradient<T>(loss, q.levels, other) == doctest::Approx(got).epsilon(1e-6));
  for (index r = 0; r < 2; ++r)
    for (index c = 0; c < 5; ++c) CHECK(turned_out(c, r) == doctest::Approx(to[5](r, c)).epsilon(1e-6));
}

TEST_CASE("contrast_ratio: equal features, the cut, nothing, errors") {
  ratio_problem<double> p;
  p.views[0].assign(3, p.anchor[0].view());
  const contrast_ratio cut{.largest = 50};
  matrix<double> to(3, 21, 7.0);
  std::vector<contrast_level_gradients<double>> out(2);
  out[0].anchor = to.out();
  const std::vector<contrast_level<double>> first{p.levels[0]};
  CHECK(value<double>(contrast_ratio{}, first) > 1e5);
  CHECK(value_and_gradient<double>(cut, first, std::span(out).first(1)) == 0.25 * 50);
  CHECK(all_zero(to.data));
  std::vector<contrast_level<double>> same{p.levels[1]};
  same[0].positive = same[0].anchor;
  CHECK(value<double>(contrast_ratio{}, same) == 0);
  CHECK(value<double>(contrast_ratio{}, {}) == 0);
  same[0].anchor = same[0].positive = matrix_view<const double>(to.data.data(), 0, 5);
  const std::vector<matrix_view<const double>> none{matrix_view<const double>(to.data.data(), 0, 5)};
  same[0].negatives = none;
  CHECK(value<double>(contrast_ratio{}, same) == 0);
  same[0].negatives = {};
  CHECK(message_of([&] { value<double>(contrast_ratio{}, same); }) ==
        "distill: level 0 has 0 negatives, must have at least 1");
  std::vector<contrast_level<double>> wrong{p.levels[0]};
  wrong[0].positive.rows = 2;
  CHECK(message_of([&] { value<double>(contrast_ratio{}, wrong); }) ==
        "distill: level 0: positive is 2 x 21, anchor is 3 x 21");
  CHECK(message_of([&] { value<double>(contrast_ratio{.added = -1}, p.levels); }) ==
        "distill: contrast_ratio: added is -1, must not be negative");
  CHECK(message_of([&] { value<double>(contrast_ratio{.largest = 0}, p.levels); }) ==
        "distill: contrast_ratio: largest is 0, must be positive");
  CHECK(message_of([&] { value_and_gradient<double>(contrast_ratio{}, p.levels, std::span(out).first(1)); }) ==
        "distill: gradients have 1 levels, the features have 2");
}

}  // namespace contrast_tests
