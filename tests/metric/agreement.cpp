#include <doctest/doctest.h>
#include <distill/metric/agreement.hpp>

#include <cmath>
#include <Eigen/Core>
#include <limits>

namespace {

using distill::agreement;
using distill::argument_error;
constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE("agreement: share of equal first guesses, precisions and storage may differ") {
  const Eigen::MatrixXd student{{1, 2, 3}, {3, 2, 1}, {0, 9, 0}, {4, 5, 6}};
  const Eigen::MatrixXf teacher{{0, 0, 1}, {8, 8.5, 7}, {-3, -1, -2}, {0, -1, -2}};
  CHECK(agreement(student, teacher) == 0.5);
  CHECK(agreement(teacher, student) == 0.5);
  CHECK(agreement(student, student) == 1);
  CHECK(agreement(distill::matrix_view<const double>(student), teacher) == 0.5);
}

TEST_CASE("agreement: ties go to the lowest class on both sides") {
  const Eigen::MatrixXd tied{{1, 1}};
  CHECK(agreement(tied, Eigen::MatrixXd{{2, 1}}) == 1);
  CHECK(agreement(tied, Eigen::MatrixXd{{1, 2}}) == 0);
  CHECK(agreement(tied, tied) == 1);
}

TEST_CASE("agreement: one class, -inf and NaN") {
  CHECK(agreement(Eigen::MatrixXd{{1}, {-4}}, Eigen::MatrixXd{{2}, {7}}) == 1);
  CHECK(agreement(Eigen::MatrixXd{{-inf, -9}}, Eigen::MatrixXd{{-inf, 0}}) == 1);
  CHECK(std::isnan(agreement(Eigen::MatrixXd{{-inf, -inf}}, Eigen::MatrixXd{{0, 1}})));
  CHECK(std::isnan(agreement(Eigen::MatrixXd{{0, 1}}, Eigen::MatrixXd{{-inf, -inf}})));
  CHECK(std::isnan(agreement(Eigen::MatrixXd{{0, not_a_number}}, Eigen::MatrixXd{{0, 1}})));
  CHECK(std::isnan(agreement(Eigen::MatrixXd{{0, 1}}, Eigen::MatrixXd{{not_a_number, 1}})));
}

TEST_CASE("agreement: errors") {
  const Eigen::MatrixXd a = Eigen::MatrixXd::Zero(2, 3);
  CHECK_THROWS_WITH_AS(agreement(a, Eigen::MatrixXd(Eigen::MatrixXd::Zero(2, 4))),
                       "distill: agreement: student is 2 x 3, teacher is 2 x 4", argument_error);
  CHECK_THROWS_WITH_AS(agreement(a, Eigen::MatrixXd(Eigen::MatrixXd::Zero(3, 3))),
                       "distill: agreement: student is 2 x 3, teacher is 3 x 3", argument_error);
  CHECK_THROWS_WITH_AS(agreement(Eigen::MatrixXd(0, 3), a), "distill: agreement: student is empty (0 x 3)",
                       argument_error);
  CHECK_THROWS_WITH_AS(agreement(a, Eigen::MatrixXd(0, 3)), "distill: agreement: teacher is empty (0 x 3)",
                       argument_error);
}
