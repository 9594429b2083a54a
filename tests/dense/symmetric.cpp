#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include <distill/core/random.hpp>
#include <distill/dense/product.hpp>
#include <distill/dense/symmetric.hpp>

#include "harness/message.hpp"

namespace dense_tests {

using distill::index;
using distill::matrix_view;

TEST_CASE_TEMPLATE("symmetric_product: the product with the transpose, exactly symmetric, for any threads", T, float,
                   double) {
  for (const index size : {0, 1, 5, 33, 64, 100, 257, 600})
    for (const index depth : {0, 1, 3, 65})
      for (const bool turned : {false, true}) {
        const distill::random_stream random(1);
        std::vector<T> a(static_cast<std::size_t>(size * depth) + 1), c(static_cast<std::size_t>(size * size) + 1),
            again(c), full(c);
        for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<T>(random.normal(i));
        const matrix_view<const T> in(a.data(), size, depth, turned ? 1 : depth, turned ? size : 1);
        const matrix_view<T> out(c.data(), size, size), other(again.data(), size, size);
        distill::symmetric_product(in, out, {}, T(2));
        distill::symmetric_product(in, other, {3}, T(2));
        distill::product(in, distill::transposed(in), matrix_view<T>(full.data(), size, size), {}, {}, T(2));
        double worst = 0;
        bool symmetric = true;
        for (index i = 0; i < size; ++i)
          for (index j = 0; j < size; ++j) {
            symmetric = symmetric && out(i, j) == out(j, i);
            worst = std::max(worst,
                             std::abs(static_cast<double>(out(i, j) - full[static_cast<std::size_t>(i * size + j)])));
          }
        CAPTURE(size);
        CAPTURE(depth);
        CHECK(symmetric);
        CHECK(c == again);
        CHECK(worst <= 32 * static_cast<double>(depth + 1) * static_cast<double>(std::numeric_limits<T>::epsilon()));
      }
}

TEST_CASE_TEMPLATE("add_transpose", T, float, double) {
  for (const index size : {0, 1, 3, 4, 31, 32, 33, 100, 300}) {
    std::vector<T> m(static_cast<std::size_t>(size * (size + 2)) + 1);
    for (std::size_t i = 0; i < m.size(); ++i) m[i] = static_cast<T>(i % 1009);
    const std::vector<T> before = m;
    const matrix_view<T> view(m.data(), size, size, size + 2);
    const matrix_view<const T> old(before.data(), size, size, size + 2);
    distill::add_transpose(view, {2});
    bool right = true;
    for (index i = 0; i < size; ++i)
      for (index j = 0; j < size; ++j) right = right && view(i, j) == old(i, j) + old(j, i);
    CAPTURE(size);
    CHECK(right);
    for (index i = 0; i < size; ++i)  // the gaps between rows are not touched
      CHECK(m[static_cast<std::size_t>(i * (size + 2) + size)] == old.row(i)[size]);
  }
}

TEST_CASE("symmetric products: errors") {
  std::vector<float> m(100);
  using harness::message_of;
  CHECK(message_of([&] { distill::add_transpose(matrix_view<float>(m.data(), 3, 4)); }) ==
        "distill: add_transpose: the matrix is 3×4, must be square");
  CHECK(message_of([&] {
          distill::symmetric_product(matrix_view<const float>(m.data(), 3, 2), matrix_view<float>(m.data() + 50, 4, 4));
        }) == "distill: symmetric_product: c has 4 rows, a has 3");
}

}  // namespace dense_tests
