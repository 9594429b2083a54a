// What a review found, each kept as the smallest case.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <Eigen/Core>
#include <limits>
#include <vector>

#include <distill/objective/cross_entropy.hpp>
#include <distill/objective/kl.hpp>
#include <distill/row/evaluate.hpp>

namespace {

using distill::cross_entropy;
using distill::kl;
using distill::matrix_view;

template <class T>
struct rows_of {
  distill::index rows, columns;
  std::vector<T> values;
  rows_of(distill::index r, distill::index c, double seed)
      : rows(r), columns(c), values(static_cast<std::size_t>(r * c)) {
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<T>(2 * std::sin(seed + 1.7 * static_cast<double>(i)));
  }
  operator matrix_view<const T>() const { return {values.data(), rows, columns}; }
  operator matrix_view<T>() { return {values.data(), rows, columns}; }
};

/// KL with student and teacher exchanged, by its sites.
struct exchanged_kl : kl {
  distill::site_pair sites() const {
    return {distill::site{distill::row_mix::of(distill::input::teacher), temperature},
            {distill::row_mix::of(distill::input::student), temperature}};
  }
};

}  // namespace

TEST_CASE("labels that the objective does not need are still checked for their number") {
  const rows_of<float> s(5, 4, 1), t(5, 4, 2);
  const std::vector<int> labels{1, 2, 3};
  CHECK_THROWS_WITH_AS(distill::value(kl{}, distill::batch<float>{.student = s, .teacher = t, .labels = labels}),
                       doctest::Contains("labels has 3 entries, student has 5 rows"), distill::argument_error);
}

TEST_CASE("sites that exchange the rows exchange the gradients, short rows included") {
  for (const distill::index columns : {3, 64, 65, 200}) {
    const rows_of<double> s(4, columns, 1), t(4, columns, 2);
    rows_of<double> a(4, columns, 0), b(4, columns, 0), c(4, columns, 0), d(4, columns, 0);
    const double straight = distill::value_and_gradient(kl{}, distill::batch<double>{.student = t, .teacher = s},
                                                        {.student = a, .teacher = b});
    const double exchanged = distill::value_and_gradient(
        exchanged_kl{}, distill::batch<double>{.student = s, .teacher = t}, {.student = d, .teacher = c});
    CHECK(exchanged == doctest::Approx(straight));
    for (std::size_t i = 0; i < a.values.size(); ++i) {
      CHECK(std::abs(a.values[i] - c.values[i]) <= 1e-15);
      CHECK(std::abs(b.values[i] - d.values[i]) <= 1e-15);
    }
  }
}

TEST_CASE("an upstream gradient of 0 in one row leaves its value, in place too") {
  for (const distill::index columns : {10, 100}) {
    rows_of<float> s(3, columns, 1);
    const rows_of<float> t(3, columns, 2);
    const std::vector<double> upstream{1, 0, 1};
    const distill::batch<float> in{.student = s, .teacher = t};
    const double apart = distill::value(kl{}, in);
    const double in_place = distill::value_and_gradient(kl{}, in, {.student = s}, {.upstream = upstream});
    CHECK(in_place == doctest::Approx(apart).epsilon(1e-6));
  }
}

TEST_CASE("parameters and labels are read along the strides of an Eigen column or row") {
  using row_major = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  row_major parameters(4, 2);
  parameters << 1, 100, 2, 100, 3, 100, 4, 100;
  const distill::row_parameter p = parameters.col(0);
  CHECK(p.size() == 4);
  CHECK(p[1] == 2);
  CHECK(p[3] == 4);
  Eigen::MatrixXi labels(2, 3);
  labels << 1, 2, 3, 7, 8, 9;
  const distill::index_view v = labels.row(0);
  CHECK(v[1] == 2);
  CHECK(v[2] == 3);
  static_assert(!std::is_convertible_v<Eigen::MatrixXi, distill::index_view>);
  static_assert(!std::is_convertible_v<row_major, distill::row_parameter>);
}

TEST_CASE("a term of weight 0 is watched: its value is reported, its infinities stay out") {
  for (const distill::index columns : {4, 70}) {
    rows_of<float> s(2, columns, 1), t(2, columns, 2), g(2, columns, 0), expected(2, columns, 0);
    const std::vector<int> labels{1, 2};
    s.values[0] = -std::numeric_limits<float>::infinity();
    const distill::batch<float> in{.student = s, .teacher = t, .labels = labels};
    const auto watched = distill::value_and_gradient(0.0 * kl{} + 1.0 * cross_entropy{}, in, {.student = g});
    const double alone = distill::value_and_gradient(cross_entropy{}, in, {.student = expected});
    CHECK(std::isinf(watched.terms[0]));
    CHECK(watched.value == doctest::Approx(alone).epsilon(1e-7));
    for (std::size_t i = 0; i < g.values.size(); ++i) CHECK(g.values[i] == doctest::Approx(expected.values[i]));
  }
}

TEST_CASE("a finite logit is no masked class, however far the other row lies") {
  const std::vector<float> s{3e38f, -3e38f}, t{0, 0};
  const std::vector<int> labels{0};
  const matrix_view<const float> student(s.data(), 1, 2), teacher(t.data(), 1, 2);
  std::vector<float> g(2);
  const auto objective = 0.0 * kl{} + 1.0 * cross_entropy{.label_smoothing = 0.1};
  distill::value_and_gradient(objective,
                              distill::batch<float>{.student = student, .teacher = teacher, .labels = labels},
                              {.student = matrix_view<float>(g.data(), 1, 2)});
  CHECK(g[0] == doctest::Approx(0.05f));
  CHECK(g[1] == doctest::Approx(-0.05f));
}

TEST_CASE("the temperatures of an objective's sites are checked like its own") {
  struct two_temperatures : kl {
    distill::row_parameter target = 1;
    distill::site_pair sites() const {
      return {distill::site{distill::row_mix::of(distill::input::student), temperature},
              {distill::row_mix::of(distill::input::teacher), target}};
    }
  };
  const rows_of<float> s(5, 4, 1), t(5, 4, 2);
  two_temperatures objective;
  objective.target = -1;
  CHECK_THROWS_WITH_AS(distill::value(objective, distill::batch<float>{.student = s, .teacher = t}),
                       doctest::Contains("temperature is -1"), distill::argument_error);
}
