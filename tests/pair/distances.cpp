// Relations that are distances and angles.
#include <distill/objective/relational_angle.hpp>
#include <distill/objective/relational_distance.hpp>
#include <distill/objective/rkd.hpp>

#include "harness/pair.hpp"

namespace pair_tests {

using distill::feature_shape;
using distill::index;
using harness::feature_problem;
using harness::parameters;

TEST_CASE("relational_distance") {
  harness::pair_battery(distill::relational_distance{});
  harness::pair_references("relational_distance", [](const parameters&) { return distill::relational_distance{}; });
}

TEST_CASE("relational_angle") {
  harness::pair_battery(distill::relational_angle{}, {.larger = {20, 9}});
  harness::pair_references("relational_angle", [](const parameters&) { return distill::relational_angle{}; });
}

TEST_CASE("rkd") {
  harness::pair_battery(distill::rkd{}, {.larger = {20, 9}});
  harness::pair_references("rkd", [](const parameters& p) { return distill::rkd{p["distance"], p["angle"]}; });
}

/// Rows around a far point, some of them repeated and some almost.
feature_problem<double> difficult(double offset) {
  auto p = harness::random_features<double>({feature_shape{24, 33}, feature_shape{24, 40}}, 1, 7);
  for (const std::size_t side : {0u, 1u})
    for (index c = 0; c < p.shape[side].columns; ++c) {
      p.at(side, 5, c) = p.at(side, 4, c);
      p.at(side, 9, c) = p.at(side, 8, c) + (c == 2 ? 1.0 / 64 : 0);
      for (index r = 0; r < 24; ++r) p.at(side, r, c) += offset;
    }
  return p;
}

/// The definition, loop by loop.
std::vector<double> distance_gradient(const feature_problem<double>& p) {
  const index n = p.shape[0].rows;
  std::array<std::vector<double>, 2> psi;
  std::array<double, 2> mean{}, count{};
  const auto at = [&](std::size_t side, index r, index c) {
    return p.data[side][static_cast<std::size_t>(r * p.shape[side].columns + c)];
  };
  for (const std::size_t side : {0u, 1u}) {
    for (index i = 0; i < n; ++i)
      for (index j = 0; j < n; ++j) {
        double sum = 0;
        for (index c = 0; c < p.shape[side].columns; ++c) sum += std::pow(at(side, i, c) - at(side, j, c), 2);
        psi[side].push_back(std::sqrt(sum));
        mean[side] += psi[side].back();
        count[side] += sum > 0;
      }
    mean[side] /= count[side];
    for (double& d : psi[side]) d /= mean[side];
  }
  const auto size = static_cast<double>(n * n);
  std::vector<double> slope;
  double along = 0;
  for (std::size_t k = 0; k < psi[0].size(); ++k) {
    slope.push_back(std::clamp(psi[0][k] - psi[1][k], -1.0, 1.0) / size);
    along += slope.back() * psi[0][k];
  }
  std::vector<double> gradient(p.data[0].size(), 0.0);
  for (index i = 0; i < n; ++i)
    for (index j = 0; j < n; ++j) {
      const double psi_ij = psi[0][static_cast<std::size_t>(i * n + j)];
      if (psi_ij == 0) continue;
      const double weight = 2 * (slope[static_cast<std::size_t>(i * n + j)] - along / count[0]) / mean[0];
      for (index c = 0; c < p.shape[0].columns; ++c)
        gradient[static_cast<std::size_t>(i * p.shape[0].columns + c)] +=
            weight * (at(0, i, c) - at(0, j, c)) / (psi_ij * mean[0]);
    }
  return gradient;
}

TEST_CASE("relational_distance: duplicates, near duplicates and a large offset, in float") {
  for (const double offset : {0.0, 1e3, 1e4}) {
    const auto p = difficult(offset);
    feature_problem<float> single{1, p.shape, {}};
    for (const std::size_t side : {0u, 1u})
      for (const double x : p.data[side]) single.data[side].push_back(static_cast<float>(x));
    feature_problem<double> rounded{1, p.shape, {}};  // what float can hold of it
    for (const std::size_t side : {0u, 1u})
      rounded.data[side].assign(single.data[side].begin(), single.data[side].end());
    const auto got = harness::solve(distill::relational_distance{}, single);
    const auto exact = distance_gradient(rounded);
    const double error = harness::relative_distance(got.gradient[0], exact);
    INFO("offset " << offset << ": " << error);
    CHECK(error <= 2e-6);
    CHECK(harness::relative_distance(harness::solve(distill::relational_distance{}, rounded).gradient[0], exact) <=
          1e-13);
    const auto angles = harness::solve(distill::relational_angle{}, single);
    CHECK(harness::relative_distance(angles.gradient[0],
                                     harness::solve(distill::relational_angle{}, rounded).gradient[0]) <= 2e-6);
  }
}

TEST_CASE("rkd: samples that all coincide, and a single one, are worth 0") {
  auto p = harness::random_features<float>({feature_shape{5, 3}, feature_shape{5, 4}}, 1, 8);
  for (const std::size_t side : {0u, 1u}) std::fill(p.data[side].begin(), p.data[side].end(), 3.7f);
  auto answer = harness::solve(distill::rkd{}, p);
  CHECK(answer.value == 0);
  for (const auto& g : answer.gradient) CHECK(std::all_of(g.begin(), g.end(), [](float x) { return x == 0; }));
  answer =
      harness::solve(distill::rkd{}, harness::random_features<float>({feature_shape{1, 3}, feature_shape{1, 4}}, 1, 8));
  CHECK(answer.value == 0);
  // One side alone: the other's distances count as 0.
  p.data[0] = harness::random_features<float>({feature_shape{5, 3}, feature_shape{5, 4}}, 1, 9).data[0];
  CHECK(std::isfinite(harness::solve(distill::rkd{}, p).value));
}

TEST_CASE("pair objectives: sums, and parts of weight 0") {
  const auto p = harness::random_features<double>({feature_shape{6, 3}, feature_shape{6, 4}}, 1, 10);
  const auto distance = harness::solve(distill::relational_distance{}, p);
  const auto angle = harness::solve(distill::relational_angle{}, p);
  const auto sum = harness::solve(3 * distill::relational_distance{} + distill::relational_angle{} * 0.5, p);
  CHECK(sum.value == doctest::Approx(3 * distance.value + 0.5 * angle.value).epsilon(1e-14));
  std::vector<double> expected;
  for (std::size_t i = 0; i < distance.gradient[0].size(); ++i)
    expected.push_back(3 * distance.gradient[0][i] + 0.5 * angle.gradient[0][i]);
  CHECK(harness::relative_distance(sum.gradient[0], expected) <= 1e-14);
  const auto alone = harness::solve(distill::rkd{.distance = 1, .angle = 0}, p);
  CHECK(harness::same_bits(alone, distance));
  const auto none = harness::solve(distill::rkd{.distance = 0, .angle = 0}, p);
  CHECK(none.value == 0);
  CHECK(std::all_of(none.gradient[1].begin(), none.gradient[1].end(), [](double x) { return x == 0; }));
}

}  // namespace pair_tests
