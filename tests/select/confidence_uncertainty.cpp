#include <doctest/doctest.h>

#include <distill/select/confidence_uncertainty.hpp>

namespace {

using distill::confidence_uncertainty;
using distill::matrix_view;

// Two classes. Confidence .9 .8 .6 of classes 0 0 1; uncertainty 1, H(.9)/log 2, 1.
const std::vector<double> teacher{0.9, 0.1, 0.8, 0.2, 0.4, 0.6}, student{0.5, 0.5, 0.9, 0.1, 0.5, 0.5};
const matrix_view<const double> p_t(teacher.data(), 3, 2), p_s(student.data(), 3, 2);
const double unsure = -(0.9 * std::log(0.9) + 0.1 * std::log(0.1)) / std::log(2.0);

}  // namespace

TEST_CASE("confidence_uncertainty: the first batch starts the means, thresholds follow classes") {
  confidence_uncertainty selector(2);
  const auto got = selector.update(p_t, p_s);
  CHECK(got.labels == std::vector<distill::index>{0, 0, 1});
  // Teacher: g = .7667, l = (.85, .6): thresholds .7667 and .5412. Student: g = (2 + H)/3, l = ((1+H)/2, 1).
  const double g = (2 + unsure) / 3, threshold0 = g * (1 + unsure) / 2;
  CHECK(got.weights[0] == doctest::Approx(0.9));
  CHECK(got.weights[1] == doctest::Approx(unsure >= threshold0 ? 0.8 * unsure : 0));
  CHECK(got.weights[2] == doctest::Approx(0.6));
  CHECK(got.chosen == 2);
}

TEST_CASE("confidence_uncertainty: means run with their momentum; a class without rows keeps its own") {
  confidence_uncertainty selector(2, 0.5);
  selector.update(p_t, p_s);
  const std::vector<double> sure{0.99, 0.01}, flat{0.5, 0.5};
  // g = (.7667 + .99)/2 = .8783, l_0 = (.85 + .99)/2 = .92, l_1 = .6: a row of class 0 needs .8783.
  const auto high =
      selector.update(matrix_view<const double>(sure.data(), 1, 2), matrix_view<const double>(flat.data(), 1, 2));
  CHECK(high.weights[0] == doctest::Approx(0.99));
  const std::vector<double> weak{0.45, 0.55};
  const auto low =
      selector.update(matrix_view<const double>(weak.data(), 1, 2), matrix_view<const double>(flat.data(), 1, 2));
  // g = (.8783 + .55)/2 = .7142, l_1 = .575 of most .92: threshold .4464.
  CHECK(low.weights[0] == doctest::Approx(0.55));
}

TEST_CASE("confidence_uncertainty: nothing to choose, one class, bad input") {
  confidence_uncertainty selector(2);
  const auto none =
      selector.update(matrix_view<const double>(teacher.data(), 0, 2), matrix_view<const double>(student.data(), 0, 2));
  CHECK(none.weights.empty());
  confidence_uncertainty single(1);
  const std::vector<double> one{1.0};
  const auto alone =
      single.update(matrix_view<const double>(one.data(), 1, 1), matrix_view<const double>(one.data(), 1, 1));
  CHECK(alone.weights[0] == 0);  // no uncertainty with one class
  CHECK_THROWS_AS(selector.update(p_t, matrix_view<const double>(student.data(), 2, 2)), distill::argument_error);
  CHECK_THROWS_WITH_AS(confidence_uncertainty(0), "distill: confidence_uncertainty: classes is 0, must be positive",
                       distill::argument_error);
  CHECK_THROWS_AS(confidence_uncertainty(2, 1), distill::argument_error);
}
