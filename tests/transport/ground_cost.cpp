// Costs between rows against loops in long double, their gradients against differences and against each other.
#include <distill/transport/ground_cost.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include <distill/core/random.hpp>

#include "harness/message.hpp"

namespace ground_cost_tests {

using distill::ground_cost;
using distill::index;
using distill::matrix_view;

constexpr ground_cost kinds[] = {ground_cost::l1, ground_cost::l2, ground_cost::squared_l2, ground_cost::cosine};

/// Numbers that a float holds, in memory that belongs to a test; rows may have gaps.
template <class T>
struct matrix {
  index rows, columns, stride;
  std::vector<T> data;

  matrix(index rows_, index columns_, T value = T(0), index gap = 0)
      : rows(rows_),
        columns(columns_),
        stride(columns_ + gap),
        data(static_cast<std::size_t>(rows_ * (columns_ + gap)), value) {}
  T& operator()(index i, index j) { return data[static_cast<std::size_t>(i * stride + j)]; }
  const T& operator()(index i, index j) const { return data[static_cast<std::size_t>(i * stride + j)]; }
  matrix_view<T> view() { return {data.data(), rows, columns, stride}; }
  matrix_view<const T> view() const { return {data.data(), rows, columns, stride}; }
};

template <class T>
matrix<T> random_rows(index rows, index columns, std::uint64_t seed, double offset = 0, index gap = 0) {
  matrix<T> m(rows, columns, T(777), gap);
  const distill::random_stream random(seed, 3);
  for (index i = 0; i < rows; ++i)
    for (index c = 0; c < columns; ++c)
      m(i, c) = static_cast<float>(offset + random.normal(static_cast<std::uint64_t>(i * columns + c)));
  return m;
}

template <class T>
long double cost_of(ground_cost kind, const matrix<T>& x, index i, const matrix<T>& y, index j) {
  long double l1 = 0, square = 0, xx = 0, yy = 0;
  for (index c = 0; c < x.columns; ++c) {
    const long double a = x(i, c), b = y(j, c);
    l1 += std::abs(a - b), square += (a - b) * (a - b), xx += a * a, yy += b * b;
  }
  if (kind == ground_cost::l1) return l1;
  if (kind == ground_cost::l2) return std::sqrt(square);
  if (kind == ground_cost::squared_l2) return square;
  if (xx == 0 || yy == 0) return 1;
  const long double norms = std::sqrt(xx) * std::sqrt(yy);
  const long double gap = (xx - yy) / (std::sqrt(xx) + std::sqrt(yy));
  return (square - gap * gap) / (2 * norms);
}

/// ∂ Σ g c/∂x, and ∂/∂y, in loops.
template <class T>
void slopes_of(ground_cost kind, const matrix<T>& x, const matrix<T>& y, const matrix<T>& slope,
               matrix<long double>& to_x, matrix<long double>& to_y) {
  for (index i = 0; i < x.rows; ++i)
    for (index j = 0; j < y.rows; ++j) {
      const long double g = slope(i, j), cost = cost_of(kind, x, i, y, j);
      long double xx = 0, yy = 0;
      for (index c = 0; c < x.columns; ++c)
        xx += static_cast<long double>(x(i, c)) * x(i, c), yy += static_cast<long double>(y(j, c)) * y(j, c);
      const long double a = std::sqrt(xx), b = std::sqrt(yy);
      for (index c = 0; c < x.columns; ++c) {
        const long double own = x(i, c), other = y(j, c), d = own - other;
        long double dx = 0, dy = 0;
        if (kind == ground_cost::l1) dx = d > 0 ? 1 : d < 0 ? -1 : 0, dy = -dx;
        if (kind == ground_cost::l2) dx = cost > 0 ? d / cost : 0, dy = -dx;
        if (kind == ground_cost::squared_l2) dx = 2 * d, dy = -dx;
        if (kind == ground_cost::cosine && a > 0 && b > 0) {
          dx = -((other / b - own / a) + own / a * cost) / a;
          dy = -((own / a - other / b) + other / b * cost) / b;
        }
        to_x(i, c) += g * dx, to_y(j, c) += g * dy;
      }
    }
}

template <class T>
struct answer {
  matrix<T> cost, to_x, to_y;
};

template <class T>
answer<T> solve(ground_cost kind, const matrix<T>& x, const matrix<T>& y, const matrix<T>& slope, int threads = 1,
                double factor = 1, bool add = false) {
  answer<T> a{matrix<T>(x.rows, y.rows, T(55), 2), matrix<T>(x.rows, x.columns, T(0.5), 1),
              matrix<T>(y.rows, y.columns, T(0.5), 3)};
  distill::ground_cost_workspace<T> workspace;
  matrix<T> g = slope;
  distill::ground_costs<T>(kind, x.view(), y.view(), a.cost.view(), workspace, {threads});
  distill::ground_costs_back<T>(kind, x.view(), y.view(), a.cost.view(), g.view(), a.to_x.view(), a.to_y.view(),
                                workspace, {threads}, factor, add);
  return a;
}

/// The largest distance from `expected` over its largest number, in units of T's rounding.
template <class T>
double distance(const matrix<T>& got, const matrix<long double>& expected, long double least = 0) {
  long double most = least, worst = 0;
  for (index i = 0; i < got.rows; ++i)
    for (index c = 0; c < got.columns; ++c) {
      most = std::max(most, std::abs(expected(i, c)));
      const long double d = std::abs(static_cast<long double>(got(i, c)) - expected(i, c));
      worst = std::max(worst, std::isnan(d) ? std::numeric_limits<long double>::infinity() : d);
    }
  return worst == 0 ? 0 : static_cast<double>(worst / most / std::numeric_limits<T>::epsilon());
}

/// Every cost and gradient against the loops.
template <class T>
void agrees(ground_cost kind, const matrix<T>& x, const matrix<T>& y, double bound, double gradient_bound) {
  const int name = static_cast<int>(kind);
  INFO("cost " << name << ", " << x.rows << " and " << y.rows << " rows of " << x.columns << ", " << 8 * sizeof(T)
               << " bits");
  const matrix<T> slope = random_rows<T>(x.rows, y.rows, 9);
  const answer<T> got = solve(kind, x, y, slope);
  matrix<long double> to_x(x.rows, x.columns), to_y(y.rows, y.columns);
  slopes_of(kind, x, y, slope, to_x, to_y);
  double worst = 0;
  for (index i = 0; i < x.rows; ++i)
    for (index j = 0; j < y.rows; ++j) {
      const long double expected = cost_of(kind, x, i, y, j);
      // Each by itself; a cosine also up to the rounding of directions.
      const long double unit = kind == ground_cost::cosine ? expected + std::sqrt(std::abs(expected)) / 4 : expected;
      const long double error = std::abs(static_cast<long double>(got.cost(i, j)) - expected);
      if (error > 0) worst = std::max(worst, static_cast<double>(error / unit / std::numeric_limits<T>::epsilon()));
      if (std::isnan(got.cost(i, j))) worst = INFINITY;
    }
  CHECK(worst <= bound);
  CHECK(distance(got.to_x, to_x) <= gradient_bound);
  CHECK(distance(got.to_y, to_y) <= gradient_bound);
}

TEST_CASE_TEMPLATE("ground costs and their slopes are those of loops", T, float, double) {
  for (const ground_cost kind : kinds) {
    for (const auto& s : {std::array<index, 3>{1, 1, 1},
                          {1, 5, 3},
                          {5, 1, 2},
                          {7, 6, 1},
                          {13, 37, 5},
                          {66, 29, 16},
                          {30, 70, 33},
                          {9, 8, 129}})
      if (kind != ground_cost::cosine || s[2] > 1)  // in one dimension every direction is the same, or the opposite
        agrees(kind, random_rows<T>(s[0], s[2], 1, 0, 3), random_rows<T>(s[1], s[2], 2, 0, 1), 8, 10);
    agrees(kind, random_rows<T>(20, 1000, 1), random_rows<T>(21, 1000, 2), 8, 10);
  }
}

TEST_CASE_TEMPLATE("ground costs do not feel where the points lie", T, float, double) {
  for (const ground_cost kind : {ground_cost::l1, ground_cost::l2, ground_cost::squared_l2})
    for (const double offset : {1e3, 1e4}) {
      matrix<T> x = random_rows<T>(40, 30, 1, offset), y = random_rows<T>(35, 30, 2, offset);
      for (index c = 0; c < 30; ++c) y(3, c) = x(5, c), y(4, c) = x(5, c), x(6, c) = x(5, c);  // duplicates
      agrees(kind, x, y, 8, 10);
      const answer<T> got = solve(kind, x, y, matrix<T>(40, 35, T(1)));
      CHECK(got.cost(5, 3) == 0);
      CHECK(got.cost(6, 4) == 0);
    }
}

TEST_CASE("ground costs: directions that are nearly the same keep their digits") {
  for (const double offset : {1e3, 1e4}) {
    const matrix<float> x = random_rows<float>(40, 30, 1, offset), y = random_rows<float>(35, 30, 2, offset);
    const matrix<float> slope = random_rows<float>(40, 35, 9);
    const answer<float> got = solve(ground_cost::cosine, x, y, slope);
    double worst = 0;
    for (index i = 0; i < 40; ++i)
      for (index j = 0; j < 35; ++j) {
        const double expected = static_cast<double>(cost_of(ground_cost::cosine, x, i, y, j));  // 1e-6, 1e-8
        worst = std::max(worst, std::abs(static_cast<double>(got.cost(i, j)) / expected - 1));
      }
    CAPTURE(offset);
    CHECK(worst <= 8 * static_cast<double>(std::numeric_limits<float>::epsilon()));
    matrix<long double> to_x(40, 30), to_y(35, 30);
    slopes_of(ground_cost::cosine, x, y, slope, to_x, to_y);
    CHECK(distance(got.to_x, to_x) <= 10);
    CHECK(distance(got.to_y, to_y) <= 10);
  }
  matrix<double> x(1, 3), y(2, 3);
  for (index c = 0; c < 3; ++c) x(0, c) = y(0, c) = 0.1 * static_cast<double>(c + 1), y(1, c) = -4 * x(0, c);
  x(0, 2) += 1e-9;
  const answer<double> got = solve(ground_cost::cosine, x, y, matrix<double>(1, 2, 1.0));
  const double expected = static_cast<double>(cost_of(ground_cost::cosine, x, 0, y, 0));
  CHECK(std::abs(got.cost(0, 0) / expected - 1) <= 1e-6);  // of 2e-18, where 1 − cos would be 0
  CHECK(std::abs(got.cost(0, 1) - 2) <= 1e-15);
}

TEST_CASE("ground costs: the slopes are those of the costs") {
  const auto x = random_rows<double>(6, 5, 1), y = random_rows<double>(4, 5, 2), slope = random_rows<double>(6, 4, 3);
  distill::ground_cost_workspace<double> workspace;
  for (const ground_cost kind : kinds) {
    const auto total = [&](const matrix<double>& a, const matrix<double>& b) {
      matrix<double> cost(6, 4);
      distill::ground_costs<double>(kind, a.view(), b.view(), cost.view(), workspace);
      double sum = 0;
      for (std::size_t k = 0; k < cost.data.size(); ++k) sum += cost.data[k] * slope.data[k];
      return sum;
    };
    const answer<double> got = solve(kind, x, y, slope);
    for (const bool second : {false, true}) {
      const matrix<double>& to = second ? got.to_y : got.to_x;
      for (index i = 0; i < to.rows; ++i)
        for (index c = 0; c < to.columns; ++c) {
          matrix<double> above = second ? y : x, below = above;
          above(i, c) += 1e-6, below(i, c) -= 1e-6;
          const double slope_there =
              (second ? total(x, above) - total(x, below) : total(above, y) - total(below, y)) / 2e-6;
          CHECK(to(i, c) == doctest::Approx(slope_there).epsilon(1e-6).scale(1));
        }
    }
  }
}

TEST_CASE("ground costs: equal entries, equal rows and rows of zeros pull on nothing") {
  matrix<float> x(2, 3), y(2, 3);
  x(0, 0) = y(0, 0) = 2, x(0, 1) = 1, y(0, 1) = 4, x(0, 2) = y(0, 2) = -3;  // equal but for one entry
  x(1, 0) = y(1, 0) = 5;                                                    // equal
  const auto only = [&](ground_cost kind, index i, index j) {
    matrix<float> slope(2, 2);
    slope(i, j) = 1;
    return solve(kind, x, y, slope);
  };
  const auto rows_are = [](const matrix<float>& m, const std::vector<float>& expected) {
    for (index i = 0; i < 2; ++i)
      for (index c = 0; c < 3; ++c) CHECK(m(i, c) == expected[static_cast<std::size_t>(3 * i + c)]);
  };
  const auto l1 = only(ground_cost::l1, 0, 0);
  CHECK(l1.cost(0, 0) == 3);
  rows_are(l1.to_x, {0, -1, 0, 0, 0, 0});
  rows_are(l1.to_y, {0, 1, 0, 0, 0, 0});
  for (const ground_cost kind : kinds) {
    const auto same = only(kind, 1, 1);
    CHECK(same.cost(1, 1) == 0);
    rows_are(same.to_x, {0, 0, 0, 0, 0, 0});
    rows_are(same.to_y, {0, 0, 0, 0, 0, 0});
  }
  for (index c = 0; c < 3; ++c) x(1, c) = 0;
  for (const bool both : {false, true}) {
    if (both)
      for (index c = 0; c < 3; ++c) y(1, c) = 0;
    const auto zero = only(ground_cost::cosine, 1, 1);
    CHECK(zero.cost(1, 1) == 1);
    CHECK(zero.cost(1, 0) == 1);
    rows_are(zero.to_x, {0, 0, 0, 0, 0, 0});
    rows_are(zero.to_y, {0, 0, 0, 0, 0, 0});
  }
}

TEST_CASE("ground costs: rows whose squares leave the range have directions") {
  const auto slope_of = [](float size) {
    matrix<float> x(1, 2), y(1, 2), cost(1, 1), slope(1, 1, 1.f), to_x(1, 2), to_y(1, 2);
    x(0, 0) = size, x(0, 1) = 2 * size, y(0, 0) = 2 * size, y(0, 1) = size;
    distill::ground_cost_workspace<float> workspace;
    distill::ground_costs<float>(ground_cost::cosine, x.view(), y.view(), cost.view(), workspace);
    CHECK(cost(0, 0) == doctest::Approx(0.2));
    distill::ground_costs_back<float>(ground_cost::cosine, x.view(), y.view(), cost.view(), slope.view(), to_x.view(),
                                      to_y.view(), workspace);
    return std::array<double, 2>{to_x(0, 0) * static_cast<double>(size), to_x(0, 1) * static_cast<double>(size)};
  };
  const auto expected = slope_of(1), small = slope_of(1e-22f), large = slope_of(1e18f);
  for (std::size_t c = 0; c < 2; ++c) {
    CHECK(small[c] == doctest::Approx(expected[c]));
    CHECK(large[c] == doctest::Approx(expected[c]));
  }
}

TEST_CASE_TEMPLATE("ground costs: what is not finite costs NaN, and only that", T, float, double) {
  for (const ground_cost kind : kinds)
    for (const T bad : {std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::infinity()}) {
      matrix<T> x = random_rows<T>(9, 20, 1), y = random_rows<T>(40, 20, 2);
      x(4, 17) = bad, y(33, 0) = -bad;
      for (index c = 0; c < 20; ++c) y(7, c) = 0;
      matrix<T> cost(9, 40);
      distill::ground_cost_workspace<T> workspace;
      distill::ground_costs<T>(kind, x.view(), y.view(), cost.view(), workspace);
      bool right = true;
      for (index i = 0; i < 9; ++i)
        for (index j = 0; j < 40; ++j) right = right && std::isnan(cost(i, j)) == (i == 4 || j == 33);
      CHECK(right);
    }
  // Lengths whose squares T does not hold are no obstacle for directions.
  matrix<T> x(1, 2), y(1, 2);
  const T large = std::numeric_limits<T>::max() / 4, small = std::numeric_limits<T>::min() * 64;
  x(0, 0) = large, y(0, 0) = small, y(0, 1) = small;
  distill::ground_cost_workspace<T> workspace;
  matrix<T> cost(1, 1);
  distill::ground_costs<T>(ground_cost::cosine, x.view(), y.view(), cost.view(), workspace);
  CHECK(static_cast<double>(cost(0, 0)) == doctest::Approx(1 - std::sqrt(0.5)).epsilon(1e-5));
}

TEST_CASE_TEMPLATE("ground costs: threads, gradients alone, factors and sums", T, float, double) {
  for (const ground_cost kind : kinds) {
    const auto x = random_rows<T>(150, 37, 1), y = random_rows<T>(130, 37, 2), slope = random_rows<T>(150, 130, 3);
    const answer<T> one = solve(kind, x, y, slope);
    for (const int threads : {2, 5}) {
      const answer<T> more = solve(kind, x, y, slope, threads);
      CHECK(more.cost.data == one.cost.data);
      CHECK(more.to_x.data == one.to_x.data);
      CHECK(more.to_y.data == one.to_y.data);
    }
    distill::ground_cost_workspace<T> workspace;
    matrix<T> alone(150, 37, T(0.5), 1), g = slope;
    distill::ground_costs_back<T>(kind, x.view(), y.view(), one.cost.view(), g.view(), alone.view(), {}, workspace);
    CHECK(alone.data == one.to_x.data);
    const answer<T> added = solve(kind, x, y, slope, 1, -2, true);  // to 0.5
    double worst = 0, most = 0;
    for (index i = 0; i < 130; ++i)
      for (index c = 0; c < 37; ++c) {
        const double expected = 0.5 - 2 * static_cast<double>(one.to_y(i, c));
        worst = std::max(worst, std::abs(static_cast<double>(added.to_y(i, c)) - expected));
        most = std::max(most, std::abs(expected));
      }
    CHECK(worst <= 20 * most * static_cast<double>(std::numeric_limits<T>::epsilon()));
  }
}

TEST_CASE("ground costs: shapes that do not go together") {
  std::vector<float> memory(200, 5.0f);
  const auto m = [&](index rows, index columns, index step = 1) {
    return matrix_view<float>(memory.data(), rows, columns, columns * step, step);
  };
  distill::ground_cost_workspace<float> workspace;
  const auto says = [&](const matrix_view<float>& x, const matrix_view<float>& y, const matrix_view<float>& cost) {
    return harness::message_of([&] { distill::ground_costs<float>(ground_cost::l1, x, y, cost, workspace); });
  };
  CHECK(says(m(3, 4), m(2, 5), m(3, 2)) == "distill: ground_costs: x has 4 columns, y has 5");
  CHECK(says(m(3, 4), m(2, 4), m(4, 2)) == "distill: ground_costs: cost has 4 rows, x has 3");
  CHECK(says(m(3, 4), m(2, 4), m(3, 3)) == "distill: ground_costs: cost has 3 columns, y has 2 rows");
  CHECK(says(m(3, 4), m(2, 4, 2), m(3, 2)) == "distill: ground_costs: y has column stride 2, 1 expected");
  const auto back = [&](const matrix_view<float>& slope, const matrix_view<float>& to_x,
                        const matrix_view<float>& to_y) {
    return harness::message_of([&] {
      distill::ground_costs_back<float>(ground_cost::l1, m(3, 4), m(2, 4), m(3, 2), slope, to_x, to_y, workspace);
    });
  };
  CHECK(back(m(2, 2), m(3, 4), {}) == "distill: ground_costs: slope has 2 rows, x has 3");
  CHECK(back(m(3, 2), m(2, 4), {}) == "distill: ground_costs: gradient to x is 2 x 4, x is 3 x 4");
  CHECK(back(m(3, 2), {}, m(2, 4, 2)) == "distill: ground_costs: gradient to y has column stride 2, 1 expected");
  CHECK(std::all_of(memory.begin(), memory.end(), [](float v) { return v == 5.0f; }));
  // Nothing on one side, or no columns.
  CHECK(says(m(0, 4), m(2, 4), m(0, 2)) == "no error");
  CHECK(says(m(3, 4), m(0, 4), m(3, 0)) == "no error");
  CHECK(says(m(3, 0), m(2, 0), m(3, 2)) == "no error");
  CHECK(std::all_of(memory.begin(), memory.begin() + 6, [](float v) { return v == 0.0f; }));
  CHECK(back(m(3, 2), m(3, 4), m(2, 4)) == "no error");
}

}  // namespace ground_cost_tests
