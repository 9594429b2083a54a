#include <doctest/doctest.h>

#include <distill/objective/kl.hpp>
#include <distill/target/swing_noise.hpp>

#include "harness/problem.hpp"
#include "harness/softmax.hpp"

namespace {

using distill::kl;
using distill::matrix_view;
using distill::swing_noise;
using harness::random_problem;

}  // namespace

TEST_CASE_TEMPLATE("swing_noise: without noise it is the teacher, at a temperature for each row", T, float, double) {
  const auto p = random_problem<T>(4, 30, 51);
  const std::vector<double> taus{1, 2, 4, 8};
  const swing_noise<T> target(matrix_view<const T>(p.teacher.data(), 4, 30), taus, 0, 7);
  auto in = harness::inputs_of(kl{}, p);
  const kl objective{.temperature = taus};
  const double plain = distill::value(objective, in);
  in.teacher = target;
  CHECK(distill::value(objective, in) == doctest::Approx(plain).epsilon(sizeof(T) == 4 ? 1e-5 : 1e-12));
}

TEST_CASE("swing_noise: targets are clipped, renormalised, and the same on every pass") {
  const auto p = random_problem<double>(3, 12, 52);
  const double amplitude = 0.1, t = 2;
  const swing_noise<double> target(matrix_view<const double>(p.teacher.data(), 3, 12), t, amplitude, 7);
  std::vector<double> once(36), again(36);
  target.produce(0, 3, once.data(), 12);
  target.produce(1, 2, again.data() + 12, 12);  // a part, in another call
  CHECK(std::equal(once.begin() + 12, once.end(), again.begin() + 12));
  const distill::random_stream noise(7);
  for (int r = 0; r < 3; ++r) {
    const auto q = harness::softmax(part_of(p, r, 1).teacher, t);
    std::vector<double> expected;
    double total = 0;
    for (int c = 0; c < 12; ++c) {
      const double noisy =
          q[static_cast<std::size_t>(c)] + amplitude * noise.normal(static_cast<std::uint64_t>(12 * r + c));
      expected.push_back(std::max(0.0, noisy));
      total += expected.back();
    }
    const auto got = harness::softmax(std::vector<double>(once.begin() + 12 * r, once.begin() + 12 * (r + 1)), t);
    bool clipped = false;
    for (std::size_t c = 0; c < 12; ++c) {
      CHECK(got[c] == doctest::Approx(expected[c] / total).epsilon(1e-12));
      clipped = clipped || expected[c] == 0;
    }
    CHECK(clipped);
  }
}

TEST_CASE("swing_noise: a masked class stays masked; where nothing is left the targets have no noise") {
  auto p = random_problem<double>(1, 6, 53);
  p.teacher[2] = -harness::infinity<double>;
  std::vector<double> out(6);
  swing_noise<double>(matrix_view<const double>(p.teacher.data(), 1, 6), 1, 0.5, 3).produce(0, 1, out.data(), 6);
  CHECK(out[2] == -harness::infinity<double>);
  // One class, and noise that takes all of it: seeds until one draws below -1/amplitude.
  const std::vector<double> alone{1.5};
  bool found = false;
  for (std::uint64_t seed = 0; seed < 100 && !found; ++seed) {
    if (distill::random_stream(seed).normal(0) > -0.5) continue;
    found = true;
    swing_noise<double>(matrix_view<const double>(alone.data(), 1, 1), 1, 2, seed).produce(0, 1, out.data(), 1);
    CHECK(out[0] == 1.5);
  }
  CHECK(found);
}

TEST_CASE("swing_noise: bad parameters are refused by name") {
  const auto p = random_problem<float>(2, 6, 54);
  const matrix_view<const float> teacher(p.teacher.data(), 2, 6);
  CHECK_THROWS_WITH_AS(swing_noise<float>(teacher, 0, 0.1, 1),
                       "distill: swing_noise: temperature is 0, must be positive", distill::argument_error);
  CHECK_THROWS_AS(swing_noise<float>(teacher, 1, -0.1, 1), distill::argument_error);
  const std::vector<double> three{1, 2, 3};
  CHECK_THROWS_AS(swing_noise<float>(teacher, three, 0.1, 1), distill::argument_error);
}
