// ndcg and recall, by hand and beside tests/reference/recipes/retrieval.py.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <Eigen/Core>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <distill/metric/ndcg.hpp>
#include <distill/metric/recall.hpp>

#include "harness/message.hpp"
#include "harness/recorded.hpp"

namespace retrieval_tests {
namespace {

using distill::index;
using distill::matrix_view;
using distill::ndcg;
using distill::recall;
using distill::relevance_gain;
using harness::message_of;

constexpr double inf = std::numeric_limits<double>::infinity();

template <class T, std::size_t N>
matrix_view<const T> one_row(const std::array<T, N>& row) {
  return {row.data(), 1, static_cast<index>(N)};
}

/// As the Python side makes them.
using harness::number;

std::vector<double> recorded(const std::string& wanted) { return harness::recorded("retrieval").at(wanted); }

}  // namespace

TEST_CASE("ndcg: by hand") {
  const std::array<float, 4> scores{0.1f, 0.9f, 0.5f, 0.3f};  // found: 1, 2, 3, 0
  const std::array<int, 4> grades{3, 0, 2, 1};
  const double second = 1 / std::log2(3.0), third = 0.5, fourth = 1 / std::log2(5.0);
  CHECK(ndcg(one_row(scores), one_row(grades), 4) ==
        doctest::Approx((2 * second + 1 * third + 3 * fourth) / (3 + 2 * second + 1 * third)));
  CHECK(ndcg(one_row(scores), one_row(grades), 2) == doctest::Approx(2 * second / (3 + 2 * second)));
  CHECK(ndcg(one_row(scores), one_row(grades), 1) == 0);
  CHECK(ndcg(one_row(scores), one_row(grades), 4, relevance_gain::exponential) ==
        doctest::Approx((3 * second + 1 * third + 7 * fourth) / (7 + 3 * second + 1 * third)));
  CHECK(ndcg(one_row(std::array<double, 4>{3, 0, 2, 1}), one_row(grades)) == 1);  // the best order, exactly
  CHECK(ndcg(one_row(scores), one_row(std::array<double, 4>{0, 0.5, 0, 0})) == 1);
}

TEST_CASE("recall: by hand") {
  const std::array<double, 5> scores{5, 4, 3, 2, 1};
  const std::array<std::uint8_t, 5> grades{1, 0, 3, 0, 1};
  CHECK(recall(one_row(scores), one_row(grades), 1) == doctest::Approx(1.0 / 3));
  CHECK(recall(one_row(scores), one_row(grades), 3) == doctest::Approx(2.0 / 3));
  CHECK(recall(one_row(scores), one_row(grades), 5) == 1);
  CHECK(recall(one_row(scores), one_row(grades), 100) == 1);
}

TEST_CASE("ndcg and recall: of equal scores the lower number first; infinities are numbers") {
  const std::array<double, 4> tied{7, 7, 7, 7}, zeros{-0.0, 0.0, -0.0, 0.0}, infinite{-inf, inf, -inf, inf};
  const std::array<int, 4> first{1, 0, 0, 0}, second{0, 1, 0, 0}, fourth{0, 0, 0, 1};
  for (const auto& scores : {tied, zeros}) {
    CHECK(ndcg(one_row(scores), one_row(first)) == 1);
    CHECK(ndcg(one_row(scores), one_row(second)) == doctest::Approx(1 / std::log2(3.0)));
    CHECK(recall(one_row(scores), one_row(second), 1) == 0);
    CHECK(recall(one_row(scores), one_row(second), 2) == 1);
  }
  CHECK(ndcg(one_row(infinite), one_row(fourth)) == doctest::Approx(1 / std::log2(3.0)));
  CHECK(recall(one_row(infinite), one_row(first), 3) == 1);
  CHECK(recall(one_row(infinite), one_row(first), 2) == 0);
}

TEST_CASE("ndcg and recall: a query without a relevant document does not take part") {
  const std::array<double, 6> scores{1, 2, 3, /**/ 1, 2, 3};
  const std::array<int, 6> some{0, 0, 0, /**/ 0, 0, 1};
  const std::array<int, 6> none{};
  const matrix_view s(scores.data(), 2, 3);
  CHECK(ndcg(s, matrix_view(some.data(), 2, 3)) == 1);
  CHECK(recall(s, matrix_view(some.data(), 2, 3), 1) == 1);
  CHECK(std::isnan(ndcg(s, matrix_view(none.data(), 2, 3))));
  CHECK(std::isnan(recall(s, matrix_view(none.data(), 2, 3))));
  std::array<double, 6> broken = scores;
  broken[1] = std::numeric_limits<double>::quiet_NaN();
  CHECK(std::isnan(ndcg(matrix_view<const double>(broken.data(), 2, 3), matrix_view(some.data(), 2, 3))));
  CHECK(std::isnan(recall(matrix_view<const double>(broken.data(), 2, 3), matrix_view(some.data(), 2, 3))));
}

TEST_CASE("ndcg and recall: beside Python, with ties, in any storage") {
  constexpr index queries = 9, documents = 23;
  const std::array<index, 8> ks{1, 2, 3, 5, 10, 22, 23, 40};
  Eigen::MatrixXf scores(queries, documents);  // halves: exact in float
  Eigen::MatrixXi grades(queries, documents);
  for (index q = 0; q < queries; ++q)
    for (index p = 0; p < documents; ++p) {
      scores(q, p) = static_cast<float>(std::floor(8 * number((q + 3) * (p + 5) * (p + 7 * q + 1), 61)) / 2);
      const double grade = std::floor(4 * number((q + 2) * (p + 9) * (p + 5 * q + 4), 62));
      grades(q, p) = q == queries - 1 || grade < 0 ? 0 : static_cast<int>(grade);
    }
  const auto linear = recorded("linear"), exponential = recorded("exponential"), found = recorded("recall");
  REQUIRE(linear.size() == ks.size());
  for (std::size_t i = 0; i < ks.size(); ++i) {
    CAPTURE(ks[i]);
    CHECK(std::abs(ndcg(scores, grades, ks[i]) - linear[i]) < 1e-14);
    CHECK(std::abs(ndcg(scores, grades, ks[i], relevance_gain::exponential) - exponential[i]) < 1e-14);
    CHECK(std::abs(recall(scores, grades, ks[i]) - found[i]) < 1e-14);
  }
}

TEST_CASE("ndcg and recall say what does not fit") {
  const std::array<double, 6> scores{1, 2, 3, 4, 5, 6};
  const std::array<int, 6> grades{1, 0, 1, 0, 1, -1};
  const std::array<double, 2> broken{1, inf};
  const matrix_view s(scores.data(), 2, 3);
  CHECK(message_of([&] { ndcg(s, matrix_view(grades.data(), 3, 2)); }) ==
        "distill: ndcg: relevance is 3 x 2, scores is 2 x 3");
  CHECK(message_of([&] { recall(s, matrix_view(grades.data(), 2, 3), 0); }) ==
        "distill: recall: k is 0, at least 1 expected");
  CHECK(message_of([&] { ndcg(s, matrix_view(grades.data(), 2, 3)); }) ==
        "distill: ndcg: relevance(1, 2) is -1, 0 or a positive number expected");
  CHECK(message_of([&] { recall(matrix_view(scores.data(), 1, 2), matrix_view(broken.data(), 1, 2)); }) ==
        "distill: recall: relevance(0, 1) is inf, 0 or a positive number expected");
  CHECK(message_of([&] { ndcg(matrix_view(scores.data(), 2, 0), matrix_view(grades.data(), 2, 0)); }) ==
        "distill: ndcg: scores is empty (2 x 0)");
}

}  // namespace retrieval_tests
