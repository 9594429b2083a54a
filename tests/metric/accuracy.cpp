#include <doctest/doctest.h>
#include <distill/metric/accuracy.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <Eigen/Core>
#include <limits>
#include <vector>

namespace {

using distill::accuracy;
using distill::argument_error;
using distill::matrix_view;
constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

const std::array<double, 12> logits{1, 3, 2, /**/ 5, 4, 0, /**/ -2, -3, -1, /**/ 0, 0, 9};
const std::vector<std::int64_t> labels{1, 0, 2, 0};

}  // namespace

TEST_CASE("accuracy: share of right first guesses") {
  CHECK(accuracy(matrix_view(logits.data(), 4, 3), labels) == 0.75);
  CHECK(accuracy(matrix_view(logits.data(), 3, 3), std::vector<std::uint8_t>{1, 0, 2}) == 1);
  CHECK(accuracy(matrix_view(logits.data(), 1, 3), std::vector{0}) == 0);
}

TEST_CASE("accuracy: any view and any Eigen matrix is accepted as it is") {
  std::array<float, 12> mutable_logits{};
  for (std::size_t i = 0; i < 12; ++i) mutable_logits[i] = static_cast<float>(logits[i]);
  CHECK(accuracy(matrix_view<float>(mutable_logits.data(), 4, 3), labels) == 0.75);
  CHECK(accuracy(matrix_view<const float>(mutable_logits.data(), 4, 3), labels) == 0.75);

  using row_major = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::Map<const row_major> map(logits.data(), 4, 3);
  const Eigen::MatrixXd column_major = map;
  const Eigen::MatrixXf single = map.cast<float>();
  Eigen::Matrix<double, 4, 3> fixed = map;
  Eigen::MatrixXd larger = Eigen::MatrixXd::Constant(6, 5, 100);
  larger.block(1, 2, 4, 3) = map;
  CHECK(accuracy(map, labels) == 0.75);
  CHECK(accuracy(column_major, labels) == 0.75);
  CHECK(accuracy(single, labels) == 0.75);
  CHECK(accuracy(fixed, labels) == 0.75);
  CHECK(accuracy(larger.block(1, 2, 4, 3), labels) == 0.75);
  CHECK(accuracy(Eigen::MatrixXd(map), labels) == 0.75);
  CHECK(accuracy(map, Eigen::Vector4i(1, 0, 2, 0)) == 0.75);
  // Reversed rows: strides may be negative.
  CHECK(accuracy(matrix_view<const double>(logits.data() + 9, 4, 3, -3, 1), std::vector{2, 2, 0, 1}) == 1);
}

TEST_CASE("accuracy: ties go to the lowest class") {
  const std::array<float, 6> tied{2, 7, 7, /**/ 1, 1, 1};
  CHECK(accuracy(matrix_view(tied.data(), 2, 3), std::vector{1, 0}) == 1);
  CHECK(accuracy(matrix_view(tied.data(), 2, 3), std::vector{2, 2}) == 0);
  const std::array<double, 2> zeros{-0.0, 0.0};
  CHECK(accuracy(matrix_view(zeros.data(), 1, 2), std::vector{0}) == 1);
}

TEST_CASE("accuracy: one class, masked classes, rows without an answer") {
  const std::array<double, 2> one{-5, 3};
  CHECK(accuracy(matrix_view(one.data(), 2, 1), std::vector{0, 0}) == 1);
  const std::array<double, 3> masked{-inf, -1e300, -inf};
  CHECK(accuracy(matrix_view(masked.data(), 1, 3), std::vector{1}) == 1);
  const std::array<double, 4> none{1, 0, -inf, -inf};
  CHECK(std::isnan(accuracy(matrix_view(none.data(), 2, 2), std::vector{0, 0})));
  for (const std::array<double, 2> row : {std::array{not_a_number, 1.0}, std::array{1.0, not_a_number}})
    CHECK(std::isnan(accuracy(matrix_view(row.data(), 1, 2), std::vector{0})));
}

TEST_CASE("accuracy: errors") {
  const matrix_view z(logits.data(), 4, 3);
  CHECK_THROWS_WITH_AS(accuracy(z, std::vector{0, 1}), "distill: accuracy: logits has 4 rows, labels has 2",
                       argument_error);
  CHECK_THROWS_WITH_AS(accuracy(z, std::vector{0, 1, 3, 0}), "distill: accuracy: labels[2] is 3, classes are 0 to 2",
                       argument_error);
  CHECK_THROWS_WITH_AS(accuracy(z, std::vector{0, -100, 2, 0}),
                       "distill: accuracy: labels[1] is -100, classes are 0 to 2", argument_error);
  CHECK_THROWS_WITH_AS(accuracy(matrix_view(logits.data(), 0, 3), distill::index_view()),
                       "distill: accuracy: logits is empty (0 x 3)", argument_error);
  CHECK_THROWS_WITH_AS(accuracy(matrix_view(logits.data(), 4, 0), labels), "distill: accuracy: logits is empty (4 x 0)",
                       argument_error);
  CHECK_THROWS_WITH_AS(accuracy(matrix_view<const float>(nullptr, 4, 3), labels),
                       "distill: accuracy: logits has no data", argument_error);
  // An error outranks a NaN: arguments are checked before anything is computed.
  const std::array<double, 2> bad{not_a_number, 0};
  CHECK_THROWS_AS(accuracy(matrix_view(bad.data(), 1, 2), std::vector{2}), argument_error);
}
