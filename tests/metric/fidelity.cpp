#include <doctest/doctest.h>
#include <distill/metric/fidelity.hpp>

#include <cmath>
#include <Eigen/Core>
#include <limits>
#include <random>

namespace {

using distill::argument_error;
using distill::fidelity;
using matrix = Eigen::MatrixXd;
constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double huge = std::numeric_limits<double>::max();

doctest::Approx about(double value, double tolerance = 1e-14) {
  return doctest::Approx(value).epsilon(tolerance).scale(0);
}

matrix random_logits(int rows, int columns, double scale, unsigned seed) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal;
  return matrix::NullaryExpr(rows, columns, [&](Eigen::Index, Eigen::Index) { return scale * normal(engine); });
}

/// Σ p_t (ℓ_t − ℓ_s) in long double, 11 bits more.
double reference(const matrix& student, const matrix& teacher) {
  long double sum = 0;
  for (Eigen::Index r = 0; r < student.rows(); ++r) {
    long double mass_s = 0, mass_t = 0;
    for (Eigen::Index c = 0; c < student.cols(); ++c) {
      mass_s += std::exp(static_cast<long double>(student(r, c)));
      mass_t += std::exp(static_cast<long double>(teacher(r, c)));
    }
    for (Eigen::Index c = 0; c < student.cols(); ++c) {
      const long double log_s = student(r, c) - std::log(mass_s), log_t = teacher(r, c) - std::log(mass_t);
      sum += std::exp(log_t) * (log_t - log_s);
    }
  }
  return static_cast<double>(sum / student.rows());
}

}  // namespace

TEST_CASE("fidelity: phi keeps its digits on both sides of the series' limit") {
  for (const double d : {0.0499999, 0.05, -0.0499999, -0.05, 1e-3, -1e-3}) {
    const auto wide = static_cast<long double>(d);
    CHECK(distill::detail::expm1_minus(d) == about(static_cast<double>(std::expm1(wide) - wide)));
  }
  CHECK(distill::detail::expm1_minus(1e-9) == about(5e-19 * (1 + 1e-9 / 3)));
  CHECK(distill::detail::expm1_minus(0) == 0);
  CHECK(distill::detail::expm1_minus(-inf) == inf);
  CHECK(std::isnan(distill::detail::expm1_minus(not_a_number)));
}

TEST_CASE("fidelity: closed forms") {
  const double two = std::log(2.0), three = std::log(3.0);
  // p_t = (1/2, 1/2), p_s = (1/4, 3/4)
  CHECK(fidelity(matrix{{0, three}}, matrix{{0, 0}}) == about(two - three / 2));
  // p_t = (1/4, 3/4), p_s = (1/2, 1/2)
  CHECK(fidelity(matrix{{0, 0}}, matrix{{0, three}}) == about(0.75 * three - two));
  CHECK(fidelity(matrix{{0, three}, {1, 1}}, matrix{{0, 0}, {5, 5}}) == about((two - three / 2) / 2));
  CHECK(fidelity(Eigen::MatrixXf{{0, 0}}, matrix{{0, three}}) == about(0.75 * three - two));
  CHECK(fidelity(distill::matrix_view<const double>(matrix{{0, 0}}), matrix{{0, three}}) == about(0.75 * three - two));
}

TEST_CASE("fidelity: agrees with the plain sum in long double") {
  for (const double scale : {0.1, 1.0, 5.0, 30.0}) {
    const matrix student = random_logits(20, 40, scale, 1), teacher = random_logits(20, 40, scale, 2);
    CAPTURE(scale);
    CHECK(fidelity(student, teacher) == about(reference(student, teacher), 1e-13));
  }
}

TEST_CASE("fidelity: equal rows give exactly 0, nearly equal ones their second order") {
  const matrix teacher = random_logits(8, 40, 3, 3);
  CHECK(fidelity(teacher, teacher) == 0);
  // z_s = z_t + h e_0: KL = log(1 + p (e^h − 1)) − p h = p (1 − p) h²/2 + p (1 − p) (1 − 2p) h³/6 + …, and 1e-24 is far
  // below what a sum of p_t (ℓ_t − ℓ_s) resolves.
  const matrix row{{1, 0.25, -2, 0.5}};
  matrix moved = row;
  const double h = std::ldexp(1.0, -40);
  moved(0, 0) += h;
  const double mass = row.array().exp().sum(), p = std::exp(row(0, 0)) / mass;
  CHECK(fidelity(moved, row) == about(p * (1 - p) * h * h / 2, 1e-8));
  // Any small move e: KL = Var(e)/2 under p_t, to first order in e.
  for (unsigned seed = 10; seed < 20; ++seed) {
    const matrix student = teacher + random_logits(8, 40, 1e-11, seed);
    double expected = 0;
    for (Eigen::Index r = 0; r < 8; ++r) {
      const Eigen::ArrayXd e = (student.row(r) - teacher.row(r)).transpose();  // exact: the two are neighbours
      const Eigen::ArrayXd weight = teacher.row(r).transpose().array().exp();
      const double mean = (weight * e).sum() / weight.sum();
      expected += (weight * (e - mean).square()).sum() / weight.sum() / 2 / 8;
    }
    CHECK(fidelity(student, teacher) == about(expected, 1e-8));
  }
}

TEST_CASE("fidelity: offsets of a row do not matter") {
  const matrix student = random_logits(5, 10, 2, 4), teacher = random_logits(5, 10, 2, 5);
  const double value = fidelity(student, teacher);
  CHECK(fidelity(matrix(student.array() + 64), matrix(teacher.array() - 1024)) == about(value, 1e-11));
  // Logits of unlike size: the teacher's differences survive beside 2^60.
  const matrix far{{std::ldexp(1.0, 60), std::ldexp(1.0, 60)}};
  CHECK(fidelity(far, matrix{{0, std::log(3.0)}}) == about(0.75 * std::log(3.0) - std::log(2.0)));
}

TEST_CASE("fidelity: -inf") {
  const double three = std::log(3.0), expected = 0.75 * three - std::log(2.0);
  // masked on both sides: as if the class were not there
  CHECK(fidelity(matrix{{0, -inf, 0}}, matrix{{0, -inf, three}}) == about(expected));
  // masked at the teacher only: KL((1, 0) ‖ (1/2, 1/2))
  CHECK(fidelity(matrix{{0, 0}}, matrix{{0, -inf}}) == about(std::log(2.0)));
  // masked at the student only
  CHECK(fidelity(matrix{{0, -inf}}, matrix{{0, 0}}) == inf);
  CHECK(fidelity(matrix{{0, -inf}, {0, 0}}, matrix{{0, -700}, {0, 0}}) == inf);
  // mass that is 0 in double is no mass
  CHECK(fidelity(matrix{{0, -inf}}, matrix{{0, -800}}) == 0);
  CHECK(std::isnan(fidelity(matrix{{-inf, -inf}}, matrix{{0, 0}})));
  CHECK(std::isnan(fidelity(matrix{{0, 0}}, matrix{{-inf, -inf}})));
}

TEST_CASE("fidelity: far apart") {
  CHECK(fidelity(matrix{{0, 800}}, matrix{{800, 0}}) == 800);
  CHECK(fidelity(matrix{{0, 0}}, matrix{{0, -740}}) == about(std::log(2.0)));  // e^d overflows, p_t e^d = p_s does not
  CHECK(fidelity(matrix{{0, 40}}, matrix{{40, 0}}) == about(40 * std::tanh(20.0)));
  CHECK(fidelity(matrix{{huge, huge}}, matrix{{-huge, -huge}}) == 0);
  CHECK(fidelity(matrix{{huge, -huge}}, matrix{{huge, -huge}}) == 0);
  CHECK(fidelity(matrix{{huge, -huge}}, matrix{{-huge, huge}}) == inf);
  CHECK(fidelity(matrix{{1e300, 0}}, matrix{{0, 1e300}}) == 1e300);
}

TEST_CASE("fidelity: one class, NaN, +inf") {
  CHECK(fidelity(matrix{{3}, {-1}}, matrix{{-7}, {2}}) == 0);
  CHECK(std::isnan(fidelity(matrix{{0, not_a_number}}, matrix{{0, 0}})));
  CHECK(std::isnan(fidelity(matrix{{0, 0}}, matrix{{not_a_number, 0}})));
  CHECK(std::isnan(fidelity(matrix{{inf, 0}}, matrix{{0, 0}})));
  CHECK(std::isnan(fidelity(matrix{{0, 0}}, matrix{{0, inf}})));
  CHECK(std::isnan(fidelity(matrix{{inf}}, matrix{{0}})));
  CHECK(std::isnan(fidelity(matrix{{0, -inf}, {0, not_a_number}}, matrix{{0, 0}, {0, 0}})));  // NaN outranks inf
}

TEST_CASE("fidelity: errors") {
  const matrix z = matrix::Zero(2, 3);
  CHECK_THROWS_WITH_AS(fidelity(z, matrix(matrix::Zero(2, 2))), "distill: fidelity: student is 2 x 3, teacher is 2 x 2",
                       argument_error);
  CHECK_THROWS_WITH_AS(fidelity(matrix(0, 3), matrix(0, 3)), "distill: fidelity: student is empty (0 x 3)",
                       argument_error);
}
