// A network that is sure and right: the loss is what the other classes add up to, digits below the 1 of the label.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include <distill/objective/cross_entropy.hpp>
#include <distill/objective/kl.hpp>
#include <distill/row/evaluate.hpp>

using distill::cross_entropy;
using distill::kl;
using distill::matrix_view;

TEST_CASE_TEMPLATE("cross-entropy near 0 keeps its digits, alone and beside a divergence", T, float, double) {
  for (const distill::index columns : {2, 10, 64, 65, 1000, 32000})
    for (const double temperature : {1.0, 2.0, 2.5, 4.0}) {
      std::vector<T> z(static_cast<std::size_t>(columns), T(0));
      z[1] = 24;
      const std::vector<int> labels{1};
      const matrix_view<const T> logits(z.data(), 1, columns);
      const distill::batch<T> in{.student = logits, .teacher = logits, .labels = labels};
      const double expected = std::log1p(static_cast<double>(columns - 1) * std::exp(-24.0));
      const double precision = sizeof(T) == 4 ? 1e-6 : 1e-4 * 1e-9 / expected;  // a double sum keeps 1e-16 beside the 1
      CAPTURE(columns);
      CAPTURE(temperature);
      const double alone = distill::value(cross_entropy{}, in);
      CHECK(std::abs(alone / expected - 1) <= precision);
      const auto both = distill::value(0.5 * kl{.temperature = temperature} + 0.5 * cross_entropy{}, in);
      CHECK(std::abs(both.terms[1] / expected - 1) <= precision);
      CHECK(both.terms[0] == 0);  // the two sides are equal, and are summed alike
    }
}
