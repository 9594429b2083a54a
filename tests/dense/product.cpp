#include <distill/core/dual.hpp>
#include <distill/dense/product.hpp>

#include "nn/support.hpp"

namespace nn_tests {

template <class T>
void compare(index m, index n, index k, bool a_transposed, bool b_transposed, int start) {
  CAPTURE(m);
  CAPTURE(n);
  CAPTURE(k);
  CAPTURE(a_transposed);
  CAPTURE(b_transposed);
  CAPTURE(start);
  const nn::tensor<T> a = random_tensor<T>({a_transposed ? k : m, a_transposed ? m : k}, 1);
  const nn::tensor<T> b = random_tensor<T>({b_transposed ? n : k, b_transposed ? k : n}, 2);
  const nn::tensor<T> bias = random_tensor<T>({std::max(m, n)}, 4), other = random_tensor<T>({m, 2 * n}, 5);
  matrix_view<const T> left = a.view().matrix(), right = b.view().matrix();
  if (a_transposed) left = distill::transposed(left);
  if (b_transposed) right = distill::transposed(right);
  nn::tensor<T> previous;
  for (const int threads : {1, 2, 3}) {
    nn::tensor<T> c = random_tensor<T>({m, n}, 3);
    const nn::tensor<T> before = random_tensor<T>({m, n}, 3);
    const matrix_view<T> out = c.view().matrix();
    const matrix_view<const T> initial = start == 0   ? matrix_view<const T>()
                                         : start == 1 ? matrix_view<const T>(out)
                                         : start == 2 ? matrix_view<const T>(bias.data(), m, n, 0, 1)
                                         : start == 3 ? matrix_view<const T>(bias.data(), m, n, 1, 0)
                                         : start == 4 ? matrix_view<const T>(other.data(), m, n, 2 * n, 1)
                                                      : matrix_view<const T>(other.data(), m, n, 2 * n, 2);
    distill::product(left, right, out, initial, {threads});
    double worst = 0;
    for (index i = 0; i < m; ++i)
      for (index j = 0; j < n; ++j) {
        double sum = 0;
        if (start == 1) sum = static_cast<double>(before.view()(i, j));
        if (start == 2) sum = static_cast<double>(bias.data()[j]);
        if (start == 3) sum = static_cast<double>(bias.data()[i]);
        if (start >= 4) sum = static_cast<double>(other.data()[i * 2 * n + j * (start - 3)]);
        for (index l = 0; l < k; ++l) sum += static_cast<double>(left(i, l)) * static_cast<double>(right(l, j));
        worst = std::max(worst, std::abs(sum - static_cast<double>(out(i, j))));
      }
    CHECK(worst < 40 * std::sqrt(static_cast<double>(k + 1)) * static_cast<double>(std::numeric_limits<T>::epsilon()));
    if (threads > 1) CHECK(std::memcmp(previous.data(), c.data(), static_cast<std::size_t>(m * n) * sizeof(T)) == 0);
    previous = std::move(c);
  }
}

TEST_CASE_TEMPLATE("product: every layout and start against loops, the same bits for 1, 2, 3 threads", T, float,
                   double) {
  for (const bool a : {false, true})
    for (const bool b : {false, true})
      for (const int start : {0, 1, 2, 3, 4, 5}) {
        compare<T>(130, 150, 141, a, b, start);
        for (index size = 1; size <= 40; ++size)  // all the remainders of rows, columns and depth
          compare<T>(size, size * 17 % 40 + 1, size * 7 % 40 + 1, a, b, start);
      }
  for (const index m : {2, 64, 65})
    for (const index n : {10, 129})
      for (const index k : {0, 9, 257}) compare<T>(m, n, k, false, false, 2);
}

TEST_CASE("product: strided parts of larger matrices") {
  const nn::tensor<double> a = random_tensor<double>({6, 10}, 1), b = random_tensor<double>({10, 9}, 2);
  nn::tensor<double> c({8, 12});
  c.fill(7);
  const matrix_view<const double> left(a.data() + 1, 5, 4, 10), right(b.data() + 2, 4, 3, 9);
  distill::product(left, right, matrix_view<double>(c.data() + 13, 5, 3, 12));
  for (index i = 0; i < 8; ++i)
    for (index j = 0; j < 12; ++j) {
      const bool inside = i >= 1 && i < 6 && j >= 1 && j < 4;
      double sum = inside ? 0 : 7;
      for (index k = 0; inside && k < 4; ++k) sum += left(i - 1, k) * right(k, j - 1);
      CHECK(c.view()(i, j) == doctest::Approx(sum));
    }
}

TEST_CASE_TEMPLATE("product: any strides and a factor", T, float, double) {
  const nn::tensor<T> a = random_tensor<T>({2000}, 1), b = random_tensor<T>({20000}, 2);
  const matrix_view<const T> left(a.data(), 13, 9, 2, 31), right(b.data(), 9, 70, 3, 28);
  nn::tensor<T> c({13, 70});
  distill::product(left, right, c.view().matrix(), {}, {}, T(-2.5));
  double worst = 0;
  for (index i = 0; i < 13; ++i)
    for (index j = 0; j < 70; ++j) {
      double sum = 0;
      for (index k = 0; k < 9; ++k) sum += static_cast<double>(left(i, k)) * static_cast<double>(right(k, j));
      worst = std::max(worst, std::abs(static_cast<double>(c.view()(i, j)) + 2.5 * sum));
    }
  CHECK(worst < 100 * static_cast<double>(std::numeric_limits<T>::epsilon()));
}

TEST_CASE_TEMPLATE("product: a column alone is what it is among others", T, float, double) {
  const index m = 70, n = 37, k = 141;
  const nn::tensor<T> a = random_tensor<T>({m, k}, 1), b = random_tensor<T>({k, n}, 2),
                      start = random_tensor<T>({m}, 3);
  nn::tensor<T> whole({m, n}), column({m, 1});
  const matrix_view<const T> left(a.data(), m, k), right(b.data(), k, n);
  distill::product(left, right, whole.view().matrix(), matrix_view<const T>(start.data(), m, n, 1, 0), {}, T(0.7));
  for (const index j : {0, 36}) {
    const matrix_view<const T> one(b.data() + j, k, 1, n, 1);
    distill::product(left, one, column.view().matrix(), matrix_view<const T>(start.data(), m, 1, 1, 0), {}, T(0.7));
    // Summed in the same order; but where there is no multiply-add in one, a compiler may or may not make one of two.
    for (index i = 0; i < m; ++i)
      CHECK(std::abs(column.data()[i] - whole.view()(i, j)) <= 256 * std::numeric_limits<T>::epsilon());
  }
}

TEST_CASE("product: of dual numbers, in any layout, for any threads") {
  using number = distill::dual<double>;
  const auto numbers = [](index size, std::uint64_t seed) {
    const nn::tensor<double> from = random_tensor<double>({size, 2}, seed);
    std::vector<number> all;
    for (index i = 0; i < size; ++i) all.emplace_back(from.view()(i, 0), from.view()(i, 1));
    return all;
  };
  for (const bool turned : {false, true})
    for (const index size : {1, 7, 70, 110}) {
      const index rows = size, columns = size + 3, depth = size == 110 ? 130 : size / 2;
      const std::vector<number> a = numbers(rows * depth, 1), b = numbers(depth * columns, 2),
                                bias = numbers(columns, 3);
      std::vector<number> c(static_cast<std::size_t>(rows * columns)), again = c;
      const matrix_view<const number> left(a.data(), rows, depth, turned ? 1 : depth, turned ? rows : 1);
      const matrix_view<const number> right(b.data(), depth, columns, turned ? 1 : columns, turned ? depth : 1);
      const matrix_view<const number> start(bias.data(), rows, columns, 0, 1);
      const matrix_view<number> out(c.data(), rows, columns), other(again.data(), rows, columns);
      distill::product(left, right, out, start, {}, number(2, 3));
      distill::product(left, right, other, start, {2}, number(2, 3));
      double worst = 0;
      bool same = true;
      for (index i = 0; i < rows; ++i)
        for (index j = 0; j < columns; ++j) {
          number sum = 0;
          for (index k = 0; k < depth; ++k) sum += left(i, k) * right(k, j);
          const number gap = start(i, j) + number(2, 3) * sum - out(i, j);
          worst = std::max({worst, std::abs(gap.value), std::abs(gap.slope)});
          same = same && out(i, j).value == other(i, j).value && out(i, j).slope == other(i, j).slope;
        }
      CAPTURE(size);
      CHECK(worst < 1e-12);
      CHECK(same);
    }
}

TEST_CASE("product: errors name the argument and both values") {
  const nn::tensor<float> a({2, 3}), b({4, 5});
  nn::tensor<float> c({2, 5});
  CHECK(message_of([&] { distill::product(a.view().matrix(), b.view().matrix(), c.view().matrix()); }) ==
        "distill: product: a has 3 columns, b has 4 rows");
  const nn::tensor<float> b3({3, 4});
  CHECK(message_of([&] { distill::product(a.view().matrix(), b3.view().matrix(), c.view().matrix()); }) ==
        "distill: product: c has 5 columns, b has 4");
  CHECK_THROWS_AS(distill::product(a.view().matrix(), b3.view().matrix(), matrix_view<float>(c.data(), 2, 4, 1, 2)),
                  argument_error);
}

}  // namespace nn_tests
